"""What is probed when nothing else is asked for, by the language of the model: which pairs, which two sentences.

In Portuguese it is gender, and the sentence that began it. That one is soft: Portuguese drops subjects, so *quando o
João viajou estava muito cansado* is right, too, with João as the subject. In the hard one only the first noun can be
meant. In English it is number, past nouns of the other number: one of them in the near sentence, three in the far one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from charlstm.config import Language
from charlstm.errors import TextError
from charlstm.grammar import minimal_pairs
from charlstm.grammar.pairs import MinimalPair

OWN_WARM = "\n"  # what is read before pairs of a person's own
PAIRS = 540  # in Portuguese 60 nouns, nine each: three distances, three attractors
SOFT = "A menina disse que não foi se despedir porque quando o João viajou estava muito cansada."
SOFT_GLOSS = "The girl said that she did not go to say goodbye because, when João left, she was very tired."
SOFT_TWIN_GLOSS = "The boy said that he did not go to say goodbye because, when João left, he was very tired."
HARD = "A menina que o João viu ontem estava muito cansada."
HARD_GLOSS = "The girl whom João saw yesterday was very tired."
HARD_TWIN_GLOSS = "The boy whom João saw yesterday was very tired."
NEAR = "The keys to the cabinet are on the table."
FAR = "The keys that the old man had left in the cabinet beside the door were lost."


@dataclass(frozen=True)
class Example:
    """A sentence to show, and its twin: what bears the feature, what agrees with it, both ways; the first attractor.

    `gloss` and `twin_gloss`: both in English, for who reads no Portuguese.
    """

    name: str
    sentence: str
    cue: str
    twin: str
    ending: str
    other: str
    attractor: str
    gloss: str = ""
    twin_gloss: str = ""

    def pair(self) -> MinimalPair:
        """The sentence as a minimal pair."""
        start = self.sentence.index(self.attractor)
        attractor = (start, start + len(self.attractor))
        return pair_of(self.sentence, self.cue, self.twin, self.ending, self.other, attractor)


@dataclass(frozen=True)
class Words:
    """What the feature of some pairs is called, for people.

    Attributes:
        feature: what a cell may carry: "gender".
        classes: its two values, in the order of the pairs' classes.
        cue: what shows it: "the noun".
        decides: what it decides: "the letter that agrees with it".
        lemmas: what independent pairs differ in: "nouns".
        remembers: what such a cell remembers in the sentence that is shown first: "the girl"; empty: nothing is said.
        glosses: sentences in English, by the sentence.
    """

    feature: str
    classes: tuple[str, str]
    cue: str = "the cue"
    decides: str = "the character that decides"
    lemmas: str = "lemmas"
    remembers: str = ""
    glosses: Mapping[str, str] = field(default_factory=dict)


def words_of_labels(labels: tuple[str, str]) -> Words:
    """What to call a feature of which only the labels of its two classes are known."""
    return Words("the class of the cue", labels)


@dataclass(frozen=True)
class Defaults:
    """What models of one language are probed with.

    Attributes:
        corpus: whose held-out pairs are taken.
        labels: of the pairs that are taken, the two classes of the feature.
        warm: neutral text to read before every sentence.
        examples: the sentences that are shown, the best known first.
        called: what the feature is called, for people; without glosses: `words` has them.
    """

    corpus: str
    labels: tuple[str, str]
    warm: str
    examples: tuple[Example, ...]
    called: Words

    @property
    def name(self) -> str:
        """What the pairs are called, in messages and in records of what was found with them."""
        return f"held-out pairs of {self.corpus}"

    @property
    def words(self) -> Words:
        """What the feature is called, and what the sentences mean."""
        return replace(self.called, glosses={one.sentence: one.gloss for one in self.examples if one.gloss})

    @property
    def glosses(self) -> dict[str, str]:
        """What the sentences and their twins mean in English, where they are in another language."""
        return {
            text: gloss
            for one in self.examples
            for text, gloss in ((one.sentence, one.gloss), (one.pair().twin or "", one.twin_gloss))
            if gloss
        }

    def pairs(self, seed: int) -> Sequence[MinimalPair]:
        """The pairs: the same ones for the same seed."""
        return _pairs(self.corpus, self.labels, seed)

    def sentences(self) -> list[tuple[str, MinimalPair]]:
        """The sentences as pairs, each with its name."""
        return [(example.name, example.pair()) for example in self.examples]


PORTUGUESE = Defaults(
    "agreement-pt",
    ("F", "M"),
    "Hoje choveu de novo em Lisboa.\n",
    (
        Example("soft", SOFT, "A menina", "O menino", "cansada", "cansado", "o João", SOFT_GLOSS, SOFT_TWIN_GLOSS),
        Example("hard", HARD, "A menina", "O menino", "cansada", "cansado", "o João", HARD_GLOSS, HARD_TWIN_GLOSS),
    ),
    Words(
        "gender",
        ("feminine", "masculine"),
        cue="the noun",
        decides="the letter that agrees with it",
        lemmas="nouns",
        remembers="the girl",
    ),
)
ENGLISH = Defaults(
    "agreement-en",
    ("singular", "plural"),
    "\n\n",
    (
        Example("near", NEAR, "The keys", "The key", "are", "is", "the cabinet"),
        Example("far", FAR, "The keys", "The key", "were", "was", "the old man"),
    ),
    Words(
        "number",
        ("singular", "plural"),
        cue="the word that shows it",
        decides="the letter that agrees",
        lemmas="nouns",
        remembers="the keys",
    ),
)
BY_LANGUAGE: dict[Language, Defaults] = {"pt": PORTUGUESE, "en": ENGLISH}


def defaults_of(language: Language | None) -> Defaults:
    """What a model is probed with; one whose file names no language, as none did once, with Portuguese."""
    return BY_LANGUAGE[language or "pt"]


@functools.lru_cache(maxsize=8)  # several models may be asked whether they can read them
def _pairs(corpus: str, labels: tuple[str, str], seed: int) -> tuple[MinimalPair, ...]:
    return tuple(minimal_pairs(corpus, PAIRS, seed, labels))


def pair_of(
    sentence: str,
    cue: str,
    twin: str,
    ending: str,
    other: str,
    attractor: tuple[int, int] | None = None,
    source: str = "sentence",
) -> MinimalPair:
    """A pair from one sentence: `cue` and `ending` stand in it, `twin` and `other` take their places.

    The first place of the cue and the last of the ending after it count. Raises TextError if there is none.
    """
    start = sentence.find(cue)
    if start < 0:
        raise TextError(f"{source}: the cue {cue!r} is not in the sentence")
    end = start + len(cue)
    target = sentence.rfind(ending, end)
    if target < 0:
        raise TextError(f"{source}: neither ending stands after the cue: {ending!r}, {other!r}")
    swapped = sentence[:target] + other + sentence[target + len(ending) :]
    return MinimalPair(
        sentence,
        swapped,
        twin=swapped[:start] + twin + swapped[end:],
        cue_end=end,
        attractor=attractor,
        source=source,
    )
