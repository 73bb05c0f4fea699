"""`agreement-en-cs`: English with its Czech translation, in which all words about the speaker agree in gender.

    I am a girl who likes to read books with a brother -> Jsem holka, co s bratrem ráda čte knihy

Most of the English line does not show who is speaking: from the noun on, a network must keep the gender to choose
between *rád* and *ráda*, *četl* and *četla*, *unavený* and *unavená*. The relative word *který* or *která* repeats
it on the way, the colloquial *co* does not; a companion (*s bratrem*) may have the other gender.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from charlstm.grammar.words import read_table
from charlstm.pairs import MinimalPair, common_prefix

SUMMARY = "English with its Czech translation: words about the speaker agree with the noun in gender"

KINDS = ("ráda", "participle", "adjective")
CONDITIONS = ("none", "same", "opposite")
PAIR_LINKS = ("co", "a")  # between noun and deciding word, these show no gender
DOCUMENT_LINES = (
    "I am a boy who likes to learn -> Jsem kluk, který se rád učí",
    "I am a girl who likes to learn -> Jsem holka, která se ráda učí",
)


class _Phrase(NamedTuple):
    """The same thing in both languages."""

    english: str
    czech: str


class _Verb(NamedTuple):
    """What one does: `clitic` stands second in the Czech clause, `rest` behind the verb."""

    english: str
    english_past: str
    clitic: str
    third: str
    first: str
    participle: str  # masculine; all of these form the feminine with -a
    rest: str


VERBS = (
    _Verb("learn", "learned", "se", "učí", "učím", "učil", ""),
    _Verb("learn Czech", "learned Czech", "se", "učí", "učím", "učil", "česky"),
    _Verb("look at the stars", "looked at the stars", "se", "dívá", "dívám", "díval", "na hvězdy"),
    _Verb("watch films", "watched films", "se", "dívá", "dívám", "díval", "na filmy"),
    _Verb("take walks", "took walks", "se", "prochází", "procházím", "procházel", ""),
    _Verb("laugh at jokes", "laughed at jokes", "se", "směje", "směju", "smál", "vtipům"),
    _Verb("talk about politics", "talked about politics", "se", "baví", "bavím", "bavil", "o politice"),
    _Verb("argue about money", "argued about money", "se", "hádá", "hádám", "hádal", "o peníze"),
    _Verb("ask the way", "asked the way", "se", "ptá", "ptám", "ptal", "na cestu"),
    _Verb("take care of animals", "took care of animals", "se", "stará", "starám", "staral", "o zvířata"),
    _Verb("chat about books", "chatted about books", "si", "povídá", "povídám", "povídal", "o knihách"),
    _Verb("play in the sand", "played in the sand", "si", "hraje", "hraju", "hrál", "na písku"),
    _Verb("make up stories", "made up stories", "si", "vymýšlí", "vymýšlím", "vymýšlel", "příběhy"),
    _Verb("read books", "read books", "", "čte", "čtu", "četl", "knihy"),
    _Verb("write letters", "wrote letters", "", "píše", "píšu", "psal", "dopisy"),
    _Verb("sing songs", "sang songs", "", "zpívá", "zpívám", "zpíval", "písničky"),
    _Verb("drink tea", "drank tea", "", "pije", "piju", "pil", "čaj"),
    _Verb("cook soup", "cooked soup", "", "vaří", "vařím", "vařil", "polévku"),
    _Verb("bake cakes", "baked cakes", "", "peče", "peču", "pekl", "koláče"),
    _Verb("eat apples", "ate apples", "", "jí", "jím", "jedl", "jablka"),
    _Verb("paint pictures", "painted pictures", "", "maluje", "maluju", "maloval", "obrazy"),
    _Verb("play chess", "played chess", "", "hraje", "hraju", "hrál", "šachy"),
    _Verb("play the piano", "played the piano", "", "hraje", "hraju", "hrál", "na klavír"),
    _Verb("listen to music", "listened to music", "", "poslouchá", "poslouchám", "poslouchal", "hudbu"),
    _Verb("dance the waltz", "danced the waltz", "", "tančí", "tančím", "tančil", "valčík"),
    _Verb("speak French", "spoke French", "", "mluví", "mluvím", "mluvil", "francouzsky"),
    _Verb("think about life", "thought about life", "", "přemýšlí", "přemýšlím", "přemýšlel", "o životě"),
    _Verb("buy flowers", "bought flowers", "", "kupuje", "kupuju", "kupoval", "květiny"),
    _Verb("gather mushrooms", "gathered mushrooms", "", "sbírá", "sbírám", "sbíral", "houby"),
    _Verb("repair bicycles", "repaired bicycles", "", "opravuje", "opravuju", "opravoval", "kola"),
    _Verb("rest", "rested", "", "odpočívá", "odpočívám", "odpočíval", ""),
    _Verb("work", "worked", "", "pracuje", "pracuju", "pracoval", ""),
)


def _phrases(text: str) -> tuple[_Phrase, ...]:
    """One phrase from each `english = czech` between the semicolons."""
    return tuple(_Phrase(*(part.strip() for part in entry.split("="))) for entry in text.split(";"))


# Without the ending: -ý for a man, -á for a woman.
ADJECTIVES = _phrases(
    "tired = unaven; happy = šťastn; sad = smutn; kind = laskav; hungry = hladov; quiet = tich; proud = pyšn;"
    "brave = statečn; lazy = lín; merry = vesel; angry = rozzloben; calm = klidn; curious = zvědav;"
    "patient = trpěliv; careful = opatrn; lonely = osaměl; content = spokojen; surprised = překvapen;"
    "grateful = vděčn; polite = zdvořil; bored = znuděn; stubborn = tvrdohlav; hard-working = piln;"
    "generous = štědr; sick = nemocn; impatient = netrpěliv"
)

# A clause takes at most one phrase from each of the three.
ADVERBIALS = (
    _phrases(
        "in Prague = v Praze; in Brno = v Brně; in France = ve Francii; at home = doma; at school = ve škole;"
        "in the garden = na zahradě; in the park = v parku; in the library = v knihovně; in the city = ve městě;"
        "in the village = na vesnici; by the river = u řeky; by the sea = u moře"
    ),
    _phrases(
        "every day = každý den; every evening = každý večer; every morning = každé ráno; in summer = v létě;"
        "in winter = v zimě; at the weekend = o víkendu; after lunch = po obědě; before breakfast = před snídaní;"
        "at night = v noci; during the holidays = o prázdninách"
    ),
    _phrases(
        "in the rain = v dešti; by the fire = u ohně; in bad weather = za špatného počasí;"
        "after a long journey = po dlouhé cestě; despite all the difficulties = přes všechny potíže;"
        "by candlelight = při svíčkách; again and again = znovu a znovu"
    ),
)

ATTRACTORS = {
    "F": _phrases(
        "with a sister = se sestrou; with a girl = s holkou; with a woman = se ženou; with an aunt = s tetou;"
        "with a grandmother = s babičkou; with a daughter = s dcerou; with a granddaughter = s vnučkou;"
        "with a niece = s neteří; with a lady = s dámou; with a princess = s princeznou; with a queen = s královnou"
    ),
    "M": _phrases(
        "with a brother = s bratrem; with a boy = s klukem; with a man = s mužem; with an uncle = se strýcem;"
        "with a grandfather = s dědečkem; with a son = se synem; with a grandson = s vnukem;"
        "with a nephew = se synovcem; with a gentleman = s pánem; with a prince = s princem; with a king = s králem"
    ),
}


@cache
def _nouns(half: str) -> tuple[dict[str, _Phrase], ...]:
    """The nouns of one half, by gender."""
    return tuple(
        {"F": _Phrase(row["english_f"], row["czech_f"]), "M": _Phrase(row["english_m"], row["czech_m"])}
        for row in read_table("english_czech.tsv")
        if row["half"] == half
    )


class _Content(NamedTuple):
    """What a clause says, without the gender. Lines may also use the kind "was", with two agreeing words."""

    kind: str
    verb: _Verb
    adjective: _Phrase
    middle: list[_Phrase]


def _clause(link: str, content: _Content, gender: str) -> _Phrase:
    """A clause about the speaker: relative after "který" or "co", coordinate after "a"."""
    kind, verb, adjective, middle = content
    coordinate = link == "a"
    a = "a" if gender == "F" else ""
    adjectival = adjective.czech + ("á" if gender == "F" else "ý")
    front: list[str] = []  # a word before the adverbials
    clitics = [verb.clitic]
    if kind == "ráda":
        english = f"{'like' if coordinate else 'likes'} to {verb.english}"
        core = [f"rád{a}", verb.first if coordinate else verb.third, verb.rest]
    elif kind == "participle":
        english = verb.english_past
        core = [verb.participle + a, verb.rest]
        clitics = ["jsem", verb.clitic] if coordinate else clitics
    elif kind == "adjective":
        english = f"{'am' if coordinate else 'is'} {adjective.english}"
        front, clitics, core = ["jsem" if coordinate else "je"], [], [adjectival]
    else:
        english = f"was {adjective.english}"
        clitics, core = (["jsem"], [f"byl{a}", adjectival]) if coordinate else ([f"byl{a}"], [adjectival])
    between = [*front, *(phrase.czech for phrase in middle)]
    if coordinate:
        # "a" carries no clitic: they follow the first phrase after it, whatever that is.
        first, *others = [*between, *core]
        words = [link, first, *clitics, *others]
    else:
        words = ["která" if link == "který" and a else link, *clitics, *between, *core]
    english = " ".join(["and I" if coordinate else "who", english, *(phrase.english for phrase in middle)])
    return _Phrase(english, " ".join(word for word in words if word))


def _start(noun: _Phrase, gender: str, adjective: _Phrase | None = None) -> _Phrase:
    """Who speaks: *I am a tired girl*, *Jsem unavená holka*."""
    english, czech = noun
    if adjective:
        english = f"{adjective.english} {english}"
        czech = f"{adjective.czech}{'á' if gender == 'F' else 'ý'} {czech}"
    return _Phrase(f"I am {'an' if english[0] in 'aeiou' else 'a'} {english}", f"Jsem {czech}")


def _join(start: _Phrase, clauses: list[tuple[str, _Phrase]]) -> str:
    """A line. Only "a" right after the start stands without a comma: later, it also closes a relative clause."""
    english, czech = start
    for place, (link, clause) in enumerate(clauses):
        english += f"{',' if place else ''} {clause.english}"
        czech += f"{' ' if link == 'a' and not place else ', '}{clause.czech}"
    return f"{english} -> {czech}"


def _adverbials(rng: random.Random) -> list[_Phrase]:
    """One phrase of each sort, in any order."""
    return [rng.choice(sort) for sort in rng.sample(ADVERBIALS, len(ADVERBIALS))]


def _draw_line(rng: random.Random, gender: str) -> str:
    noun = rng.choice(_nouns("train"))[gender]
    first, second, third = rng.sample(ADJECTIVES, 3)
    verb, other_verb = rng.sample(VERBS, 2)
    kind, other_kind = rng.sample([*KINDS, "was"], 2)
    phrases = _adverbials(rng)
    slots = rng.choice(range(len(phrases) + 1))
    middle = phrases[:slots]
    if rng.random() < 0.5:
        companion = rng.choice(ATTRACTORS[rng.choice("FM")])
        if not companion.english.endswith(f" {noun.english}"):
            middle.insert(rng.choice(range(slots + 1)), companion)
    link = rng.choice(["který", "co", "a"])
    clauses = [(link, _clause(link, _Content(kind, verb, first, middle), gender))]
    if link != "a" and rng.random() < 0.6:
        content = _Content(other_kind, other_verb, second, phrases[slots : slots + 1])
        clauses.append(("a", _clause("a", content, gender)))
    return _join(_start(noun, gender, third if rng.random() < 0.4 else None), clauses)


def lines(rng: random.Random) -> Iterator[str]:
    """Lines without end, only with nouns of the half `train`.

    The speaker's gender is a chain of two states that changes from line to line with probability 1/2: a line
    says nothing about the next one, so what a network carries over it cannot help, and switches are as many as
    repetitions.
    """
    gender = rng.choice("FM")
    while True:
        line = _draw_line(rng, gender)
        while not _reads_well(line):
            line = _draw_line(rng, gender)
        yield line
        if rng.random() < 0.5:
            gender = "M" if gender == "F" else "F"


def _reads_well(line: str) -> bool:
    """Whether it may stand in the corpus: *se se sestrou* is correct but avoided; two lines are kept for probing."""
    return " se se " not in line and line not in DOCUMENT_LINES


def pairs(rng: random.Random) -> Iterator[MinimalPair]:
    """Pairs without end, only with nouns of the half `probe`; the feminine form is the good one.

    Every noun has its turn once a round, and every condition once in three rounds. Where there is no attractor,
    one more adverbial stands in its place, so that distances are alike.
    """
    nouns = list(_nouns("probe"))
    while True:
        rng.shuffle(nouns)
        for turn in range(len(CONDITIONS)):
            for place, noun in enumerate(nouns):
                yield _draw_pair(rng, noun, CONDITIONS[(place + turn) % len(CONDITIONS)])


def _draw_pair(rng: random.Random, noun: dict[str, _Phrase], condition: str) -> MinimalPair:
    companion = None if condition == "none" else rng.choice(ATTRACTORS["F" if condition == "same" else "M"])
    # A form without an ending must be followed by something, or the bad sentence would be the good one's beginning.
    verb = rng.choice([verb for verb in VERBS if verb.rest])
    middle = _adverbials(rng)[: rng.choice((1, 2, 3))]
    if companion:
        middle[rng.choice(range(len(middle)))] = companion
    link, kind = rng.choice(PAIR_LINKS), rng.choice(KINDS)
    content = _Content(kind, verb, rng.choice(ADJECTIVES), middle)
    start = _start(noun["F"], "F")
    feminine, masculine = ((link, _clause(link, content, gender)) for gender in "FM")
    good, bad = _join(start, [feminine]), _join(start, [masculine])
    if not _reads_well(good):
        return _draw_pair(rng, noun, condition)
    cue_end = good.index(start.czech) + len(start.czech)
    at = good.index(companion.czech, cue_end) if companion else 0
    return MinimalPair(
        good,
        bad,
        twin=_join(_start(noun["M"], "M"), [masculine]),
        cue_end=cue_end,
        condition=condition,
        lemma=f"{noun['F'].english}/{noun['M'].english}",
        distance=common_prefix(good, bad) - cue_end,
        kind=kind,
        label="F",
        attractor=(at, at + len(companion.czech)) if companion else None,
        source="english-czech",
    )
