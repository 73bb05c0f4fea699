"""The generated corpora: the same bytes again, agreement everywhere, halves apart, twins that are twins."""

import random
import re
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from charlstm.grammar import GRAMMARS, corpus_lines, minimal_pairs
from charlstm.grammar.portuguese import NEAR, is_kept_for_probing, lines
from charlstm.grammar.portuguese_sentences import Draft, Writer, nouns
from charlstm.grammar.word_lists import read_table
from charlstm.probe.defaults import SOFT

NAMES = sorted(name for name, grammar in GRAMMARS.items() if grammar.lines)
PAIRED = sorted(name for name, grammar in GRAMMARS.items() if grammar.pairs)


@pytest.fixture(scope="module")
def portuguese() -> list[str]:
    return list(islice(lines(random.Random(5)), 4000))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    first, again, other = ("".join(corpus_lines(name, 5000, seed)) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("name", PAIRED)
def test_the_same_seed_gives_the_same_pairs(name: str) -> None:
    assert [pair.to_json() for pair in minimal_pairs(name, 30, 1)] == [p.to_json() for p in minimal_pairs(name, 30, 1)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("characters", [1, 100, 5000])
def test_whole_lines_and_no_more_than_asked_for(name: str, characters: int) -> None:
    text = list(corpus_lines(name, characters, 3))
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in text)
    assert sum(map(len, text)) <= characters or len(text) == 1


@pytest.mark.parametrize("name", PAIRED)
def test_pairs_are_held_out(name: str) -> None:
    text = " " + re.sub(r"\W+", " ", "".join(corpus_lines(name, 300_000, 4)).lower()) + " "
    pairs = minimal_pairs(name, 200, 4)
    cues = {form for pair in pairs if pair.kind != "hidden" for form in pair.lemma.lower().split("/")}
    assert len({pair.lemma for pair in pairs}) >= 20
    assert not [form for form in cues if f" {form} " in text]


@pytest.mark.parametrize("name", PAIRED)
def test_every_condition_is_there(name: str) -> None:
    counts = Counter(pair.condition for pair in minimal_pairs(name, 270, 4))
    assert set(counts) == {"none", "same", "opposite"}
    assert min(counts.values()) >= 70


def test_word_lists_are_balanced() -> None:
    for half in ("train", "probe"):
        some = [noun for noun in nouns() if noun.half == half]
        assert len(some) >= 100
        assert sum(len(noun.forms[0]) - len(noun.forms[1]) for noun in some) == 0
    lemmas = {
        half: {form for noun in nouns() if noun.half == half for form in noun.forms} for half in ("train", "probe")
    }
    assert not lemmas["train"] & lemmas["probe"]


def test_portuguese_agrees(portuguese: list[str]) -> None:
    """Read with another grammar than wrote it: the article or the subject's form against the last adjective."""
    gender = {}
    for row in (*read_table("portuguese_nouns.tsv"), *read_table("portuguese_names.tsv")):
        gender[row["feminine"].lower()], gender[row["masculine"].lower()] = 0, 1
    adjective = {}
    for row in read_table("portuguese_adjectives.tsv"):
        adjective[row["feminine"]], adjective[row["masculine"]] = 0, 1
    checked = 0
    for line in portuguese:
        words = re.findall(r"\w+", line.lower())
        if words[0] in ("a", "o", "cada", "qualquer"):
            subject = gender[words[1]]
            assert words[0] not in "ao" or "ao".index(words[0]) == subject
        elif words[0] in gender:
            subject = gender[words[0]]
        else:
            continue
        assert adjective[words[-1]] == subject, line
        if words[-2] == "e":
            assert adjective[words[-3]] == subject, line
        checked += 1
    assert checked > 3500


def test_portuguese_contracts(portuguese: list[str]) -> None:
    text = " ".join(portuguese).lower()
    assert not re.search(r"\b(de|por|em) (o|a) ", text)
    assert not re.search(r"[{}]|  | ,|,,", text)


def test_the_sentences_that_probe_shows_are_known_and_left_out() -> None:
    middle = SOFT.removeprefix("A menina").removesuffix("cansada.")
    draft = Draft(("a menina", "o menino"), middle, None, ("cansada", "cansado"))
    assert draft.sentence(0, 0) == SOFT
    assert is_kept_for_probing(draft)
    assert not is_kept_for_probing(replace(draft, subjects=("a tia", "o tio")))
    assert not is_kept_for_probing(replace(draft, middle=middle.replace("João", "Hugo")))


def test_distances_of_every_length(portuguese: list[str]) -> None:
    pairs = minimal_pairs("agreement-pt", 540, 2)
    assert all(5 <= pair.distance <= 100 for pair in pairs)
    thirds = Counter("short" if d <= 30 else "middle" if d <= 60 else "long" for d in (p.distance for p in pairs))
    assert min(thirds.values()) > 140
    assert sum(len(line) < 25 for line in portuguese) > 300  # NEAR


def test_near_sentences_are_near() -> None:
    writer = Writer(random.Random(1), "train")
    noun = next(noun for noun in writer.nouns if noun.use == "thing")
    draft = writer.draft_at(lambda: writer.draft(noun, "article", None), NEAR)
    assert draft is not None
    assert NEAR[0] <= draft.distance <= NEAR[1]
    assert writer.draft_at(lambda: writer.draft(noun, "article", None), (500, 600)) is None


def test_czech_agrees() -> None:
    row = {r["czech_f"]: 0 for r in read_table("english_czech.tsv")} | {
        r["czech_m"]: 1 for r in read_table("english_czech.tsv")
    }
    checked = 0
    for line in corpus_lines("agreement-en-cs", 100_000, 8):
        czech = re.findall(r"\w+", line.split(" -> ")[1])
        gender = next(row[word] for word in czech if word in row)
        for word, value in (("ráda", 0), ("rád", 1), ("která", 0), ("který", 1), ("byla", 0), ("byl", 1)):
            if word in czech:
                assert gender == value, line
                checked += 1
    assert checked > 400


@pytest.mark.parametrize(("name", "characters"), [("agreement-pt", 1_000_000), ("agreement-en-cs", 200_000)])
def test_the_samples_that_ship_are_what_the_commands_write(name: str, characters: int) -> None:
    shipped = (Path(__file__).parent.parent / "corpora" / f"{name}.txt").read_text(encoding="utf-8")
    assert 0.99 * characters < len(shipped) <= characters
    written = 0
    for line in islice(corpus_lines(name, characters, 0), 3000):  # all of it takes long; the rest follows
        assert shipped[written : written + len(line)] == line
        written += len(line)
