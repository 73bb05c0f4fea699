"""Small stories about a garden, in English: a text to try charlstm on.

There is something to learn at every distance: spelling, the order of words, quotation marks that must be closed, names
that come back, and *he*, *she* or *it* many words after the one it stands for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count

SUMMARY = "560 small stories in English"
SEED = 1997
CHARACTERS = 317_227  # 560 stories with this seed

PEOPLE = [
    ("Ana", "she"),
    ("Bento", "he"),
    ("Clara", "she"),
    ("Davi", "he"),
    ("Elisa", "she"),
    ("Flora", "she"),
    ("Gil", "he"),
    ("Helena", "she"),
    ("Ivo", "he"),
    ("Joana", "she"),
    ("Lucas", "he"),
    ("Marta", "she"),
    ("Nuno", "he"),
    ("Olga", "she"),
    ("Paulo", "he"),
    ("Rita", "she"),
    ("Saul", "he"),
    ("Teresa", "she"),
]
ROLES = {
    "he": ["boy", "uncle", "gardener", "old man", "brother", "baker", "king of the hill", "miller's son"],
    "she": ["girl", "aunt", "queen of the bees", "old woman", "sister", "baker's wife", "midwife", "miller's daughter"],
}
ANIMALS = ["hen", "snail", "cat", "donkey", "sparrow", "goat", "toad", "ant", "lizard", "bee", "owl", "dog", "mole"]
PLACES = [
    "under the fig tree",
    "by the well",
    "behind the wall",
    "on the warm stones",
    "at the gate",
    "in the tall grass",
    "beside the pond",
    "among the beans",
    "near the old ladder",
    "on the roof of the shed",
]
THINGS = [
    "a silver button",
    "a lost key",
    "a cracked jar",
    "a letter without a name",
    "a blue feather",
    "a wooden spoon",
    "a small bell",
    "a ball of red wool",
    "a coin from another country",
    "half a loaf of bread",
]
TIMES = [
    "One morning",
    "In the evening",
    "After the rain",
    "Before the sun was up",
    "At noon",
    "On the last day of summer",
    "When the wind turned",
    "While the others slept",
    "In the first week of spring",
]
WEATHER = [
    "the rain began to fall",
    "the wind shook the leaves",
    "the light grew long",
    "a cloud went by",
    "the bells rang twice",
    "the dust lay still",
    "the frogs began to sing",
    "the moon came over the wall",
]
FEELINGS = ["glad", "tired", "hungry", "afraid", "proud", "curious", "sorry", "very quiet", "as happy as a lark"]
WISHES = [
    "to see the sea",
    "to sleep until noon",
    "to count the stars",
    "to learn to whistle",
    "to go home",
    "to know what was behind the wall",
    "to have a garden of {own} own",
]
SAYINGS = [
    "who plants early eats early",
    "a full jar makes no noise",
    "what the ear keeps the mouth need not say",
    "a short road may be a long walk",
    "no wall is as high as the wish to see over it",
    "it is better to share a pear than to hide an orchard",
    "the one who listens learns the song",
]
QUESTIONS = [
    "Where are you going",
    "What have you got there",
    "Who left the gate open",
    "Have you seen my brother",
    "Why are you so late",
    "Is it far to the river",
]
ANSWERS = [
    "I do not know",
    "Not far from here",
    "That is a long story",
    "Ask the {animal}",
    "I was about to tell you",
    "Only as far as {place_only}",
    "It was {name}, I think",
]
OBJECT = {"he": "him", "she": "her", "it": "it"}
OWN = {"he": "his", "she": "her", "it": "its"}


class Teller:
    """One who chooses the words."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def pick(self, words: list[str]) -> str:
        """One of them."""
        return self.chance.choice(words)

    def hero(self) -> tuple[str, str, str]:
        """How a hero is first named, how later, and the pronoun."""
        if self.chance.random() < 0.3:
            animal = self.pick(ANIMALS)
            return f"{'an' if animal[0] in 'aeiou' else 'a'} {animal}", f"the {animal}", "it"
        name, pronoun = self.chance.choice(PEOPLE)
        if self.chance.random() < 0.5:
            return f"{name}, the {self.pick(ROLES[pronoun])},", name, pronoun
        return name, name, pronoun

    def fill(self, words: str, pronoun: str) -> str:
        """Words with their gaps filled."""
        place = self.pick(PLACES)
        return words.format(
            own=OWN[pronoun],
            animal=self.pick(ANIMALS),
            place_only=place.split("the ", 1)[-1].join(["the ", ""]),
            name=self.chance.choice(PEOPLE)[0],
        )

    def meeting(self, short: str, pronoun: str) -> str:
        """The hero meets somebody who asks something."""
        _, other, theirs = self.hero()
        while other == short:
            _, other, theirs = self.hero()
        question, answer = self.pick(QUESTIONS), self.fill(self.pick(ANSWERS), pronoun)
        end = self.pick([f"and went on {OWN[theirs]} way", f"and sat down {self.pick(PLACES)}", "and laughed"])
        return (
            f"{self.pick(PLACES).capitalize()} {pronoun} met {other}. \u201c{question}?\u201d asked {other}. "
            f"\u201c{answer},\u201d said {short}, who was {self.pick(FEELINGS)}. "
            f"{other[0].upper() + other[1:]} nodded {end}."
        )

    def finding(self, short: str, pronoun: str) -> str:
        """The hero finds something."""
        thing = self.pick(THINGS)
        where = self.pick(PLACES)
        after = self.pick(
            [
                f"hid it {self.pick(PLACES)}",
                "carried it home",
                "gave it away",
                f"kept it for {self.chance.randint(2, 9)} days",
            ]
        )
        return (
            f"There, {where}, {pronoun} found {thing} that nobody had missed. "
            f"{short[0].upper() + short[1:]} turned it over, "
            f"and while {self.pick(WEATHER)}, {pronoun} {after}."
        )

    def wishing(self, short: str, pronoun: str) -> str:
        """The hero wants something, far from the word that says who the hero is."""
        wish = self.fill(self.pick(WISHES), pronoun)
        return (
            f"Because {self.pick(WEATHER)} and the {self.pick(ANIMALS)} {self.pick(PLACES)} would not stop calling, "
            f"{pronoun} felt {self.pick(FEELINGS)}: all {pronoun} wanted was {wish}, "
            f"and nobody had asked {OBJECT[pronoun]}."
        )

    def story(self, number: int) -> str:
        """One story with its number, its hero and its moral."""
        first, short, pronoun = self.hero()
        when, errand = self.pick(TIMES), self.pick(["water the beans", "look for eggs", "mend the fence", "pick figs"])
        begin = f"{when}, {first} went out to {errand} {self.pick(PLACES)}."
        parts: list[Callable[[str, str], str]] = [self.meeting, self.finding, self.wishing]
        self.chance.shuffle(parts)
        middle = [part(short, pronoun) for part in parts[: self.chance.randint(2, 3)]]
        listener = self.pick(["mother", "father", "friends", "shadow"])
        saying = self.pick(SAYINGS).capitalize()
        end = f"So {short} went home, and {pronoun} said to {OWN[pronoun]} {listener}: \u201c{saying}.\u201d"
        return f"{number}.\n" + "\n".join([begin, *middle, end]) + "\n"


def lines(rng: random.Random) -> Iterator[str]:
    """The lines of the stories, which are numbered and parted by blank lines, without end."""
    teller = Teller(rng)
    for number in count(1):
        if number > 1:
            yield ""
        yield from teller.story(number).splitlines()
