"""The corpus `agreement-en`: read again with a small parser that knows only the word lists."""

import random
import re
from collections import Counter
from itertools import islice

import pytest

from charlstm.grammar import english
from charlstm.grammar.english_between import BETWEEN
from charlstm.grammar.english_parts import Subject, Writer
from charlstm.grammar.english_sentences import Sentences
from charlstm.grammar.english_words import Noun, indefinite, noun_pool
from charlstm.grammar.pairs import MinimalPair
from charlstm.grammar.word_lists import read_phrases, read_table


def words(text: str) -> set[str]:
    """The words of a list."""
    return set(text.split(" "))


NOUNS = read_table("english_nouns.tsv")
NUMBER = {row["singular"]: 0 for row in NOUNS} | {row["plural"]: 1 for row in NOUNS}
GENDER = {row["singular"]: row["gender"] for row in NOUNS}
NAMES = {row["name"]: row["gender"] for row in read_table("english_names.tsv")}
FIRST = {(first, row["noun"]) for row in read_table("english_compounds.tsv") for first in row["first"].split()}
PLURAL_OF = {row["singular"]: row["plural"] for row in NOUNS}
FIRST |= {(first, PLURAL_OF[noun]) for first, noun in FIRST}
PHRASES = read_phrases("english_phrases.toml")
ADJECTIVES = {word for listed in PHRASES["adjectives"].values() for word in listed.split()}
ADVERBS = {adverb for name in ("before_verbs", "before_does") for adverb in PHRASES[name]}
VERBS = read_table("english_verbs.tsv")
THIRD, BASE = {row["third"] for row in VERBS}, {row["base"] for row in VERBS}
PAST = {row["past"] for row in VERBS}
MODALS = words("can could will would should must may might had cannot can't couldn't won't wouldn't shouldn't")
SINGULAR_AUX = {"is", "was", "has", "does", "isn't", "wasn't", "hasn't", "doesn't"}
PLURAL_AUX = {"are", "were", "have", "do", "aren't", "weren't", "haven't", "don't"}
ONE = {"this", "a", "an", "every", "each", "another", "one"}
MANY = words("these those many most all several few two three four five ten twenty both some various other such")
MANY |= {"a few", "a lot of", "a number of", "a couple of", "dozens of", "hundreds of", "all the", "all these"}
MANY |= {"these three", "the two", "two or three", "some of the", "most of the", "many of the"}
ANY = {"the", "his", "her", "my", "our", "their", "your", "the other", "the same", "that"}
DETERMINERS = sorted(ONE | MANY | ANY, key=lambda words: -len(words.split()))
LINKS = sorted(
    {*PHRASES["links"], *PHRASES["link_persons"], *PHRASES["links_long"]}, key=lambda words: -len(words.split())
)


class Unread(Exception):
    """The parser does not know the construction."""


class Parser:
    """Reads a sentence without commas from the left: subject, what follows it, finite verb."""

    def __init__(self, text: str) -> None:
        self.words = text.rstrip(".").split(" ")
        self.words[0] = self.words[0] if self.words[0] in NAMES else self.words[0].lower()
        self.place = 0
        self.subject = -1
        self.between: list[int] = []  # the numbers of the noun phrases from the subject to its verb

    def ahead(self, options: list[str]) -> str | None:
        """Take the first of the options that comes next."""
        for option in options:
            length = len(option.split(" "))
            if " ".join(self.words[self.place : self.place + length]) == option:
                self.place += length
                return option
        return None

    def ahead_is_determiner(self) -> bool:
        """Whether a noun phrase with a determiner comes next."""
        start, found = self.place, self.ahead(DETERMINERS)
        self.place = start
        return found is not None

    def word(self) -> str:
        """The next word, which is not taken."""
        if self.place >= len(self.words):
            raise Unread
        return self.words[self.place]

    def noun_phrase(self) -> tuple[int, str]:
        """Its number and its noun."""
        if self.word() in NAMES:
            self.place += 1
            self.between.append(0)
            return 0, self.words[self.place - 1]
        determiner = self.ahead(DETERMINERS)
        following = self.words[self.place :]
        while (
            following
            and following[0] in ADJECTIVES
            and len(following) > 1
            and following[1] in ADJECTIVES | NUMBER.keys()
        ):
            following = following[1:]
        if len(following) > 1 and (following[0], following[1]) in FIRST:
            following = following[1:]
        if not following or following[0] not in NUMBER:
            raise Unread
        number = NUMBER[following[0]]
        if determiner is None and number == 0:
            raise Unread  # it was a verb, or the sentence is another one than it seems
        if determiner in ONE:
            assert number == 0, self.words
        elif determiner in MANY:
            assert number == 1, self.words
        self.place = len(self.words) - len(following) + 1
        self.between.append(number)
        return number, following[0]

    def finite(self, number: int) -> None:
        """The next word is a verb of this number, or one without number."""
        while self.ahead(sorted(ADVERBS)):
            pass
        word = self.word()
        one, many = word in SINGULAR_AUX | THIRD, word in PLURAL_AUX | BASE
        if word not in MODALS | PAST and not one and not many:
            raise Unread
        if word not in MODALS | PAST and one != many:
            assert number == (0 if one else 1), f"{word}: {self.words}"
        self.place += 1

    def verb_of_clause(self, number: int) -> None:
        """The verb of a relative clause, with an auxiliary or without."""
        auxiliary = self.word() in MODALS
        self.finite(number)
        if auxiliary:
            self.ahead(["never", "not"])
            self.place += 1

    def modifier(self, number: int) -> bool:
        """A link or a relative clause, if one comes."""
        if self.ahead(PHRASES["links_without"]):
            pass
        elif self.ahead(LINKS):
            self.noun_phrase()
        elif self.ahead(["who", "that", "which", "whom"]):
            start = self.place
            try:
                if self.word() not in NAMES and not self.ahead_is_determiner():
                    raise Unread  # a verb that could be a noun, too
                inner, _ = self.noun_phrase()
                self.verb_of_clause(inner)
            except Unread:
                self.place = start
                self.verb_of_clause(number)
                self.ahead(LINKS)
                start = self.place
                try:
                    self.noun_phrase()
                except Unread:
                    self.place = start
        else:
            return False
        return True

    def sentence(self) -> None:
        """Raises AssertionError if something does not agree, Unread if the sentence is another construction."""
        number, noun = self.noun_phrase()
        self.between.clear()
        while self.modifier(number):
            pass
        self.subject = number
        self.finite(number)
        rest = self.words[self.place :]
        for pronoun in {"himself", "herself", "itself", "themselves"} & set(rest):
            if not {"that", "and", "but", *ONE, *MANY, *ANY, *NAMES, *NUMBER} & set(rest[: rest.index(pronoun)]):
                gender = NAMES.get(noun, GENDER.get(noun, ""))
                genders = {"himself": "MN", "herself": "FN", "itself": ("",), "themselves": ("", "M", "F", "N")}
                assert (pronoun == "themselves") == (number == 1), self.words
                assert number == 1 or gender in genders[pronoun], self.words


def agrees(text: str) -> bool | None:
    """Whether everything agrees; None for a construction that the parser does not know."""
    if re.search(r'[,;"?]|^There|^(One|Each|Every one|Only) ', text):
        return None
    try:
        Parser(text).sentence()
    except Unread:
        return None
    except AssertionError:
        return False
    return True


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    return list(islice(english.sentences(random.Random(5)), 20_000))


@pytest.fixture(scope="module")
def pairs() -> list[MinimalPair]:
    return list(islice(english.pairs(random.Random(6)), 1850))


def test_the_same_seed_gives_the_same_lines_and_pairs() -> None:
    first, again, other = (list(islice(english.lines(random.Random(seed)), 100)) for seed in (1, 1, 2))
    assert first == again != other
    first, again = ([p.to_json() for p in islice(english.pairs(random.Random(1)), 50)] for _ in range(2))
    assert first == again


def test_half_of_the_lines_are_one_sentence() -> None:
    lines = list(islice(english.lines(random.Random(2)), 1000))
    single = sum(len(re.findall(r"[.?](?: |$)", line)) == 1 for line in lines)
    assert 400 < single < 600


def test_what_is_kept_for_probing_never_occurs(sentences: list[str]) -> None:
    held_out = {row[name].lower() for row in NOUNS if row["half"] == "probe" for name in ("singular", "plural")}
    held_out |= {row["name"].lower() for row in read_table("english_names.tsv") if row["half"] == "probe"}
    assert len(held_out) > 700
    found = set(re.findall(r"\w+", " ".join(sentences).lower()))
    found |= {word.strip('.,;?"') for text in sentences for word in text.lower().split(" ")}
    assert not held_out & found


@pytest.mark.slow
def test_everything_agrees(sentences: list[str]) -> None:
    wrong = [text for text in sentences if agrees(text) is False]
    assert not wrong, wrong[:5]
    assert sum(agrees(text) is True for text in sentences) > 5000


def test_the_parser_finds_what_does_not_agree(pairs: list[MinimalPair]) -> None:
    assert not [pair.sentence_good for pair in pairs if agrees(pair.sentence_good) is False]
    kinds = ("pp", "relational", "rel_subject", "rel_object")
    read = [agrees(pair.sentence_bad) for pair in pairs if pair.kind in kinds and agrees(pair.sentence_good)]
    assert len(read) > 200
    assert read.count(False) > 0.95 * len(read)


def test_partitives_and_inversions_agree(sentences: list[str]) -> None:
    checked: Counter[str] = Counter()
    for text in sentences:
        if found := re.match(
            r"(One|Each|Every one|Only one|Many|Most|Several|Two|Both|A few) of \w+ [\w-]+ (\S+) ", text
        ):
            number = 0 if found[1] in ("One", "Each", "Every one", "Only one") else 1
            assert found[2] not in (PLURAL_AUX, SINGULAR_AUX)[number], text
            checked["partitive"] += found[2] in (SINGULAR_AUX, PLURAL_AUX)[number]
        if found := re.match(r"(?:There|.* there) (is|isn't|was|wasn't|has|are|aren't|were|weren't|have) ", text):
            after = text[found.end() :].removeprefix("been ")
            one = re.match(r"(a|an|one|another|only one) ", after)
            many = re.match(r"(two|three|many|several|some|a lot of) ", after)
            assert not (many if found[1] in SINGULAR_AUX else one and not many), text
            checked["there"] += bool(one or many)
        found = re.match(r"(Is|Was|Has|Does|Are|Were|Have|Do) (?:the|my|his) ([\w-]+) ", text)
        if found and found[2] in NUMBER and found[2] not in ADJECTIVES | {first for first, _ in FIRST}:
            assert NUMBER[found[2]] == (found[1].lower() in PLURAL_AUX), text
            checked["question"] += 1
    assert min(checked[name] for name in ("partitive", "there", "question")) > 50


def test_most_attractors_are_of_the_other_number() -> None:
    writer = Sentences(random.Random(3))
    numbers: Counter[bool] = Counter()
    for _ in range(2000):
        writer.draw_subject()
        numbers[writer.writer.number() == writer.subject_number] += 1
    assert 0.55 < numbers[False] / 2000 < 0.75


@pytest.mark.slow
def test_most_nouns_beside_the_verb_are_of_the_other_number(sentences: list[str]) -> None:
    counts: Counter[bool | None] = Counter()
    for text in sentences:
        if agrees(text):
            parser = Parser(text)
            parser.sentence()
            counts[parser.between[-1] != parser.subject if parser.between else None] += 1
    assert counts[True] > 1.2 * counts[False] > 500
    assert counts[None] > 0.2 * counts.total()  # without any: what is near is learnt first


def test_every_construction_occurs() -> None:
    writer = Sentences(random.Random(4))
    for construction in writer.constructions.items:
        assert len({construction() for _ in range(20)}) > 15, construction
    persons = Noun(("boy", "boys"), "M")
    for name, between in BETWEEN.items():
        inner = Writer(random.Random(1), lambda: 1, strict=name != "apposition")
        forms = between(inner, inner.subject(persons, "both")).forms
        assert all(not form or form[0] in " ," for form in forms), name
        assert name == "apposition" or forms[0] == forms[1]


@pytest.mark.parametrize(
    "words",
    [
        "is are was were has have doesn't don't isn't haven't won't this these those whose whom with",
        "themselves itself herself himself",
        "men women children people geese mice feet teeth oxen criteria phenomena analyses cacti wolves knives lives",
    ],
)
def test_what_has_to_be_met_is_met(sentences: list[str], words: str) -> None:
    for word in words.split(" "):
        assert sum(f" {word} " in text for text in sentences) >= 3, word


def test_form(sentences: list[str]) -> None:
    for text in sentences:
        assert text.isascii()
        assert not re.search(r"  | [,.;?]|,[,.;]|[{}_]|\.\.", text), text
        assert text[0].isupper() or text[0] == '"', text
        assert text[-1] in ".?", text
        assert text.count('"') % 2 == 0, text
        assert 4 <= len(text.split(" ")) <= 25, text
        for article, word in re.findall(r"\b([Aa]n?) ([\w-]+)", text):
            assert article.lower() == indefinite(word), text
    heard = dict.fromkeys(["hour", "honest", "unusual", "uncle", "unimportant", "egg", "ugly", "unknown"], "an")
    heard |= dict.fromkeys(["uniform", "union", "useful", "European", "one", "boy"], "a")
    assert {word: indefinite(word) for word in heard} == heard


def test_conditions_are_balanced(pairs: list[MinimalPair]) -> None:
    counts = Counter(pair.condition for pair in pairs)
    assert set(counts) == {"none", "same", "opposite"}
    assert max(counts.values()) - min(counts.values()) <= 12
    for kind in {pair.kind for pair in pairs}:
        labels = Counter(pair.label for pair in pairs if pair.kind == kind)
        assert len(labels) == 2
        assert min(labels.values()) > 0.4 * sum(labels.values()), kind


def test_pairs_of_every_kind_are_held_out(pairs: list[MinimalPair]) -> None:
    kinds = "be have do verb pp rel_subject rel_object relational complement vp_coordination determiner"
    kinds += " reflexive_number reflexive_gender"
    assert {pair.kind for pair in pairs} == set(kinds.split(" "))
    train = {row["singular"] for row in NOUNS if row["half"] == "train"}
    assert not {pair.lemma.split("/")[0] for pair in pairs} & train
    assert len({pair.lemma for pair in pairs[:200]}) > 150


def test_attractors_are_what_the_condition_says(pairs: list[MinimalPair]) -> None:
    for pair in pairs:
        if pair.kind in ("complement", "determiner"):
            continue
        assert (pair.attractor is None) == (pair.condition == "none"), pair
        if pair.attractor is None:
            continue
        noun = pair.sentence_good[slice(*pair.attractor)].split(" ")[-1]
        number = 0 if noun in NAMES else NUMBER[noun]
        value = GENDER[noun] == "M" if pair.kind == "reflexive_gender" else number == 1
        own = pair.label in ("plural", "M")
        assert (value == own) == (pair.condition == "same"), pair


def test_twins_differ_in_the_cue_only(pairs: list[MinimalPair]) -> None:
    for pair in pairs:
        between = pair.sentence_good[pair.end_of_cue : pair.target]
        assert pair.twin == pair.twin_prefix + pair.ending_bad
        assert pair.twin_prefix.endswith(between)
        assert not pair.sentence_good.startswith(pair.sentence_bad)
        assert not pair.sentence_bad.startswith(pair.sentence_good)


def test_pools_draw_by_weight() -> None:
    rng = random.Random(1)
    counts = Counter(noun_pool("any").draw(rng).forms[0] for _ in range(20_000))
    assert counts["man"] > 100
    assert len(counts) > 2500
    assert Subject(("a", "b"), "").is_person is False
