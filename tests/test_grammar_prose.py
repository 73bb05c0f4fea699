"""`agreement-pt-prose`: phrases of a text whose head is known, and words that agree with it."""

import random
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from conftest import Invoke

from charlstm.grammar.portuguese_open import sentences as open_sentences
from charlstm.grammar.portuguese_open_parts import FEMININE, MASCULINE, PLURAL, SINGULAR
from charlstm.grammar.portuguese_prose import CONDITIONS, adjective_forms, harvest, noun_forms, noun_phrases
from charlstm.grammar.portuguese_prose_sentences import Writer, sentences

# what another grammar writes is prose to this one
PROSE = [f"{text} Na {place} do rei, tudo calou." for text, place in zip(
    islice(open_sentences(random.Random(5)), 6000), ("cidade", "casa", "terra") * 2000, strict=True)]  # fmt: skip


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(harvest(PROSE), random.Random(1))


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("as medidas de combate ao crime foram", ("as medidas de combate ao crime", (FEMININE, PLURAL), "opposite")),
        ("O filho do homem chegou", ("o filho do homem", (MASCULINE, SINGULAR), "same")),
        ("a carta de Daniel chegou", ("a carta de Daniel", (FEMININE, SINGULAR), "name")),
        ("a nova casa do pai caiu", ("a nova casa do pai", (FEMININE, SINGULAR), "opposite")),
    ],
)
def test_a_phrase_has_its_head_and_what_comes_after_it(clause: str, found: tuple[str, object, str]) -> None:
    assert [tuple(phrase) for phrase in noun_phrases(clause.split())] == [found]


@pytest.mark.parametrize(
    "clause",
    [
        "a casa caiu",  # nothing comes after the head
        "o casa do pai caiu",  # the determiner does not agree
        "as mãos do pai caíram",  # mão is kept for the pairs
        "a casa do frobnic caiu",  # a word that is not known
        "a casa do pai",  # the clause ends: the last name may be cut
    ],
)
def test_what_is_not_known_is_left_alone(clause: str) -> None:
    assert list(noun_phrases(clause.split())) == []


def test_a_harvest_has_phrases_of_every_kind(writer: Writer) -> None:
    assert writer.found.is_enough
    for head, kinds in writer.found.phrases.items():
        for condition in CONDITIONS:
            assert kinds[condition] == tuple(sorted(set(kinds[condition])))
            for phrase in kinds[condition]:
                genders = {noun_forms()[word][0][0] for word in phrase.split()[1:] if word in noun_forms()}
                assert (1 - head[0] in genders) == (condition == "opposite"), phrase


@pytest.mark.parametrize("head", [(FEMININE, SINGULAR), (FEMININE, PLURAL), (MASCULINE, SINGULAR), (MASCULINE, PLURAL)])
def test_what_is_added_agrees_with_the_head(writer: Writer, head: tuple[int, int]) -> None:
    """Of the words that are neither in the subject nor in a complement, adjectives have the head's gender.

    But for one directly after the subject, which may agree with its last noun, if the prose has it there.
    """
    given = {
        word for some in (writer.found.complements, writer.found.fronted) for text in some for word in text.split()
    }
    subjects = [text for some in writer.found.phrases[head].values() for text in some]
    agreed = nearby = 0
    for _ in range(400):
        clause = writer.clause(head)
        subject = max((text for text in subjects if text in clause), key=len)
        nouns = [word for word in subject.split() if word in noun_forms()]
        for word in clause.replace(subject, " ").replace(",", " ").split():
            if clause.startswith(f"{subject} {word} ") and word in writer.found.fit_only(nouns[-1], nouns[:1]):
                nearby += adjective_forms()[word][2] != head
            elif word in adjective_forms() and word not in given:
                assert adjective_forms()[word][2] == head, (word, clause)
                agreed += 1
    assert agreed > 250
    assert nearby > 25


def test_a_modifier_fits_its_noun_and_none_of_the_others() -> None:
    prose = [
        "A casa velha da mulher caiu.",
        "O pai muito cansado dormiu.",
        "A carta velha, o homem cansado.",
        "Leu a velha carta.",
    ]
    found = harvest(prose)
    assert found.fit_only("casa", []) == ("velha",)
    assert found.fit_only("casa", ["pai"]) == ("velha",)
    assert found.fit_only("casa", ["carta"]) == ()
    assert found.fit_only("pai", ["casa"]) == ("cansado",)
    assert [modifier.forms[SINGULAR] for modifier in found.modifiers["carta"]] == [("velha", "velho")]


def test_no_adjective_comes_twice() -> None:
    found, head, phrase = harvest(PROSE), (MASCULINE, SINGULAR), "o dono da velha casa"
    assert [one.text for one in noun_phrases([*phrase.split(), "caiu"])] == [phrase]
    modifiers = {"casa": harvest(["A casa velha, a casa alta."]).modifiers["casa"]}
    only = {head: dict.fromkeys(CONDITIONS, (phrase,))}
    some = Writer(replace(found, phrases=only, modifiers=modifiers), random.Random(3))
    clauses = [some._with_modifier_nearby(head) for _ in range(20)]
    assert all(clause.startswith(f"{phrase} alta ") for clause in clauses)


def test_the_same_prose_and_seed_give_the_same_sentences() -> None:
    first, again, other = (list(islice(sentences(PROSE, random.Random(seed)), 200)) for seed in (1, 1, 2))
    assert first == again != other
    assert all(text[0].isupper() and text[-1] in ".!?" and "  " not in text for text in first)


def test_a_text_without_portuguese_makes_no_sentences() -> None:
    with pytest.raises(ValueError, match="too few"):
        sentences(["The old road went down to the river."] * 100, random.Random(1))


def test_the_command(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "prose.txt").write_text("\n".join(PROSE) + "\n", encoding="utf-8")
    (tmp_path / "english.txt").write_text("The old road went down to the river.\n" * 50, encoding="utf-8")
    done = invoke("corpus", "agreement-pt-prose", "--into", "prose.txt", "--share", 0.4)
    assert done.code == 0, done.err
    assert sum(map(len, PROSE)) < 0.7 * len(done.out)
    for arguments, code, said in (
        (("corpus", "agreement-pt-prose", "--into", "english.txt"), 3, "english.txt: it has too few"),
        (("corpus", "agreement-pt-prose"), 2, "needs --into FILE"),
        (("corpus", "agreement-pt-prose", "--pairs", 3), 2, "has none; take one of agreement-pt"),
        (("train", "agreement-pt-prose", "--steps", 1), 3, "charlstm corpus agreement-pt-prose writes it"),
    ):
        done = invoke(*arguments)
        assert (done.code, done.out) == (code, "")
        assert said in " ".join(done.err.replace("│", " ").split())
