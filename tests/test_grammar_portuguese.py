"""`agreement-pt-open`: agreement checked word by word from the lexicon, by rules that the generator does not use."""

import random
import re
from collections import Counter
from itertools import islice, pairwise

import pytest

from charlstm.grammar import minimal_pairs, portuguese_sentences
from charlstm.grammar.portuguese import is_kept_for_probing
from charlstm.grammar.portuguese_both_lexicons import built_as_in_agreement_pt
from charlstm.grammar.portuguese_open import KINDS, Writer, lines, pairs, sentences
from charlstm.grammar.portuguese_open_parts import names
from charlstm.grammar.word_lists import read_table

DETERMINERS = {  # the last words of determiners and contractions, by gender and number
    "FS": "a uma esta essa aquela sua nossa nenhuma outra alguma minha própria mesma primeira nova da na pela à numa "
    "desta dessa daquela nesta nessa naquela àquela",
    "MS": "o um este esse aquele seu nosso nenhum outro algum meu próprio mesmo primeiro novo do no pelo ao num "
    "deste desse daquele neste nesse naquele àquele",
    "FP": "as umas estas essas aquelas suas muitas várias algumas outras duas poucas primeiras nossas novas das nas "
    "pelas às numas destas dessas daquelas nestas nessas naquelas àquelas",
    "MP": "os uns estes esses aqueles seus muitos vários alguns outros dois poucos primeiros nossos novos dos nos "
    "pelos aos nuns destes desses daqueles nestes nesses naqueles àqueles",
}
CLASS_OF_DETERMINER = {word: name for name, words in DETERMINERS.items() for word in words.split()}
NOUNS: dict[str, set[str]] = {}
for row in read_table("portuguese_open_nouns.tsv"):
    for number, form in (("S", row["singular"]), ("P", row["plural"])):
        NOUNS.setdefault(form, set()).add(row["gender"] + number)
ADJECTIVES: dict[str, set[str]] = {}
for row in read_table("portuguese_open_adjectives.tsv"):
    for name, column in {
        "FS": "feminine",
        "MS": "masculine",
        "FP": "feminine_plural",
        "MP": "masculine_plural",
    }.items():
        ADJECTIVES.setdefault(row[column], set()).add(name)


@pytest.fixture(scope="module")
def some() -> list[str]:
    return list(islice(sentences(random.Random(7)), 6000))


def words_of(text: str) -> list[str]:
    return re.findall(r"[\w-]+|[^\w\s]", text)


def test_determiners_agree_with_their_nouns(some: list[str]) -> None:
    checked = 0
    for sentence in some:
        words = words_of((sentence[0].lower() + sentence[1:]).replace(" de novo ", " outra vez "))
        for before, word in pairwise(words):
            if before in CLASS_OF_DETERMINER and word in NOUNS and word not in ADJECTIVES:
                assert CLASS_OF_DETERMINER[before] in NOUNS[word], (before, word, sentence)
                checked += 1
    assert checked > 8000


COPULAS = {
    "S": "foi será era é está estava ficou fica parece parecia continua permanece anda",
    "P": "foram serão eram são estão estavam ficaram ficam parecem pareciam continuam permanecem andam",
}


def test_predicates_agree_with_a_subject_without_anything_between(some: list[str]) -> None:
    checked = 0
    starts = {word.capitalize(): name for word, name in CLASS_OF_DETERMINER.items()}
    for sentence in some:
        words = words_of(sentence)
        if len(words) < 4 or words[0] not in starts or words[1] not in NOUNS:
            continue
        found = starts[words[0]]
        if words[2] in COPULAS["S"].split() + COPULAS["P"].split() and words[3] in ADJECTIVES:
            assert words[2] in COPULAS[found[1]].split(), sentence
            assert found in ADJECTIVES[words[3]], sentence
            checked += 1
    assert checked > 30


def test_past_an_attractor_the_subject_decides() -> None:
    rng = random.Random(3)
    writer, checked = Writer(rng), Counter[str]()
    for _ in range(4000):
        kind, gender, number = rng.choice(KINDS), rng.choice((0, 1)), rng.choice((0, 1))
        draft = writer.draft(kind, "train", [1 - gender], number)
        text = draft.sentence(gender, gender)
        target = draft.targets[gender].split(" ")[0]
        if kind == "pronoun":
            assert target == (("ela", "ele"), ("elas", "eles"))[number][gender]
        else:
            assert "FM"[gender] + "SP"[number] in ADJECTIVES[target], text
        ((begin, end, attractor),) = draft.attractors
        inside = draft.between[begin:end].split(" ")
        assert attractor == 1 - gender
        if inside[-1] in NOUNS and inside[-1] not in ADJECTIVES:
            assert "FM"[attractor] in {name[0] for name in NOUNS[inside[-1]]}
            checked[kind] += 1
    assert min(checked[kind] for kind in KINDS) > 100


def test_attractors_are_mostly_of_the_other_gender() -> None:
    writer, shares = Writer(random.Random(5)), []
    for _ in range(3000):
        genders = writer.genders(0)
        shares += genders
    assert 0.6 < sum(shares) / len(shares) < 0.7


def test_text_is_clean(some: list[str]) -> None:
    for sentence in some:
        assert sentence[0].isupper()
        assert sentence[-1] in ".?!"
        assert "  " not in sentence
        assert not re.search(
            r" [,.]|,,|\bde (o|a|os|as)\b|\bem (o|a|os|as|um|uma)\b|\bpor (o|a|os|as)\b|\ba (o|os)\b", sentence
        )


def test_paragraphs_have_one_to_six_sentences() -> None:
    drawn = list(islice(lines(random.Random(1)), 500))
    numbers = Counter(len(re.findall(r"[.?!](?: |$)", line)) for line in drawn)
    assert set(numbers) <= set(range(1, 7))
    assert 200 < numbers[1] < 300


def test_what_is_kept_never_occurs(some: list[str]) -> None:
    kept = {
        form
        for row in read_table("portuguese_open_nouns.tsv")
        if row["half"] == "probe"
        for form in (row["singular"], row["plural"])
    }
    kept |= {
        row[gender].lower()
        for name in ("portuguese_nouns.tsv", "portuguese_names.tsv")
        for row in read_table(name)
        if row["half"] == "probe"
        for gender in ("feminine", "masculine")
    }
    assert len(kept) > 700
    said = {word for sentence in some for word in words_of(sentence.lower())}
    assert not said & kept


def test_sentences_built_as_in_agreement_pt_have_many_names_that_agree() -> None:
    of_names = {name.forms[0]: gender for gender in (0, 1) for name in names()[gender]}
    endings, said = Counter[tuple[int, str]](), set[str]()
    for sentence in islice(built_as_in_agreement_pt(random.Random(4)), 4000):
        words = words_of(sentence)
        if words[0] in of_names and words[-2] in ADJECTIVES:
            gender = "FM"[of_names[words[0]]]
            assert gender + "S" in ADJECTIVES[words[-2]], sentence
            said.add(words[0])
            endings[of_names[words[0]], words[-2][-1]] += 1
    assert len(said) > 250
    assert endings[0, "a"] > 400 < endings[1, "o"]


def test_the_sentences_that_the_probe_shows_are_kept_from_other_twins_too() -> None:
    middle = " disse que não foi se despedir porque quando o João viajou estava muito "
    for subjects in (("a menina", "o professor"), ("a professora", "o menino"), ("a menina", "o menino")):
        assert is_kept_for_probing(portuguese_sentences.Draft(subjects, middle, None, ("cansada", "cansado")))
    assert not is_kept_for_probing(portuguese_sentences.Draft(("a tia", "o tio"), middle, None, ("cansada", "cansado")))


def test_pairs_differ_in_gender_alone() -> None:
    drawn = list(islice(pairs(random.Random(2)), 840))
    assert Counter(pair.kind for pair in drawn) == dict.fromkeys((*KINDS, "hidden"), 120)
    assert Counter(pair.condition for pair in drawn) == dict.fromkeys(("none", "same", "opposite"), 280)
    for pair in drawn:
        assert pair.twin is not None
        assert pair.attractor is None or pair.condition != "none"
        assert (
            pair.sentence_good[pair.end_of_cue : pair.target] == pair.twin_prefix[-pair.distance or 0 :]
            or pair.distance
        )
        if pair.kind == "hidden":
            assert pair.sentence_good.split(" ")[0] == pair.twin.split(" ")[0]
    assert len({pair.lemma for pair in drawn}) > 500


def test_kept_nouns_are_the_subjects_of_pairs() -> None:
    halves = {
        form: row["half"]
        for row in read_table("portuguese_open_nouns.tsv")
        for form in (row["singular"], row["plural"])
    }
    for pair in minimal_pairs("agreement-pt-open", 300, 1):
        for form in pair.lemma.split("/"):
            assert halves[form] == ("train" if pair.kind == "hidden" else "probe")
