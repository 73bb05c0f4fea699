"""What the lines of `agreement-en-cs` are made of: phrases in both languages, clauses, and the two put together."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from charlstm.grammar.word_lists import read_table

KINDS = ("ráda", "participle", "adjective")
ARROW = " -> "  # between the two languages


class Phrase(NamedTuple):
    """The same thing in both languages."""

    english: str
    czech: str


class Verb(NamedTuple):
    """What one does: `clitic` stands second in the Czech clause, `rest` behind the verb."""

    english: str
    english_past: str
    clitic: str
    third: str
    first: str
    participle: str  # masculine; all of these form the feminine with -a
    rest: str


VERBS = (
    Verb("learn", "learned", "se", "učí", "učím", "učil", ""),
    Verb("learn Czech", "learned Czech", "se", "učí", "učím", "učil", "česky"),
    Verb("look at the stars", "looked at the stars", "se", "dívá", "dívám", "díval", "na hvězdy"),
    Verb("watch films", "watched films", "se", "dívá", "dívám", "díval", "na filmy"),
    Verb("take walks", "took walks", "se", "prochází", "procházím", "procházel", ""),
    Verb("laugh at jokes", "laughed at jokes", "se", "směje", "směju", "smál", "vtipům"),
    Verb("talk about politics", "talked about politics", "se", "baví", "bavím", "bavil", "o politice"),
    Verb("argue about money", "argued about money", "se", "hádá", "hádám", "hádal", "o peníze"),
    Verb("ask the way", "asked the way", "se", "ptá", "ptám", "ptal", "na cestu"),
    Verb("take care of animals", "took care of animals", "se", "stará", "starám", "staral", "o zvířata"),
    Verb("chat about books", "chatted about books", "si", "povídá", "povídám", "povídal", "o knihách"),
    Verb("play in the sand", "played in the sand", "si", "hraje", "hraju", "hrál", "na písku"),
    Verb("make up stories", "made up stories", "si", "vymýšlí", "vymýšlím", "vymýšlel", "příběhy"),
    Verb("read books", "read books", "", "čte", "čtu", "četl", "knihy"),
    Verb("write letters", "wrote letters", "", "píše", "píšu", "psal", "dopisy"),
    Verb("sing songs", "sang songs", "", "zpívá", "zpívám", "zpíval", "písničky"),
    Verb("drink tea", "drank tea", "", "pije", "piju", "pil", "čaj"),
    Verb("cook soup", "cooked soup", "", "vaří", "vařím", "vařil", "polévku"),
    Verb("bake cakes", "baked cakes", "", "peče", "peču", "pekl", "koláče"),
    Verb("eat apples", "ate apples", "", "jí", "jím", "jedl", "jablka"),
    Verb("paint pictures", "painted pictures", "", "maluje", "maluju", "maloval", "obrazy"),
    Verb("play chess", "played chess", "", "hraje", "hraju", "hrál", "šachy"),
    Verb("play the piano", "played the piano", "", "hraje", "hraju", "hrál", "na klavír"),
    Verb("listen to music", "listened to music", "", "poslouchá", "poslouchám", "poslouchal", "hudbu"),
    Verb("dance the waltz", "danced the waltz", "", "tančí", "tančím", "tančil", "valčík"),
    Verb("speak French", "spoke French", "", "mluví", "mluvím", "mluvil", "francouzsky"),
    Verb("think about life", "thought about life", "", "přemýšlí", "přemýšlím", "přemýšlel", "o životě"),
    Verb("buy flowers", "bought flowers", "", "kupuje", "kupuju", "kupoval", "květiny"),
    Verb("gather mushrooms", "gathered mushrooms", "", "sbírá", "sbírám", "sbíral", "houby"),
    Verb("repair bicycles", "repaired bicycles", "", "opravuje", "opravuju", "opravoval", "kola"),
    Verb("rest", "rested", "", "odpočívá", "odpočívám", "odpočíval", ""),
    Verb("work", "worked", "", "pracuje", "pracuju", "pracoval", ""),
)


def phrases_of(text: str) -> tuple[Phrase, ...]:
    """One phrase from each `english = czech` between the semicolons."""
    return tuple(Phrase(*(part.strip() for part in entry.split("="))) for entry in text.split(";"))


# Without the ending: -ý for a man, -á for a woman.
ADJECTIVES = phrases_of(
    "tired = unaven; happy = šťastn; sad = smutn; kind = laskav; hungry = hladov; quiet = tich; proud = pyšn;"
    "brave = statečn; lazy = lín; merry = vesel; angry = rozzloben; calm = klidn; curious = zvědav;"
    "patient = trpěliv; careful = opatrn; lonely = osaměl; content = spokojen; surprised = překvapen;"
    "grateful = vděčn; polite = zdvořil; bored = znuděn; stubborn = tvrdohlav; hard-working = piln;"
    "generous = štědr; sick = nemocn; impatient = netrpěliv"
)

# A clause takes at most one phrase from each of the three.
ADVERBIALS = (
    phrases_of(
        "in Prague = v Praze; in Brno = v Brně; in France = ve Francii; at home = doma; at school = ve škole;"
        "in the garden = na zahradě; in the park = v parku; in the library = v knihovně; in the city = ve městě;"
        "in the village = na vesnici; by the river = u řeky; by the sea = u moře"
    ),
    phrases_of(
        "every day = každý den; every evening = každý večer; every morning = každé ráno; in summer = v létě;"
        "in winter = v zimě; at the weekend = o víkendu; after lunch = po obědě; before breakfast = před snídaní;"
        "at night = v noci; during the holidays = o prázdninách"
    ),
    phrases_of(
        "in the rain = v dešti; by the fire = u ohně; in bad weather = za špatného počasí;"
        "after a long journey = po dlouhé cestě; despite all the difficulties = přes všechny potíže;"
        "by candlelight = při svíčkách; again and again = znovu a znovu"
    ),
)

ATTRACTORS = {
    "F": phrases_of(
        "with a sister = se sestrou; with a girl = s holkou; with a woman = se ženou; with an aunt = s tetou;"
        "with a grandmother = s babičkou; with a daughter = s dcerou; with a granddaughter = s vnučkou;"
        "with a niece = s neteří; with a lady = s dámou; with a princess = s princeznou; with a queen = s královnou"
    ),
    "M": phrases_of(
        "with a brother = s bratrem; with a boy = s klukem; with a man = s mužem; with an uncle = se strýcem;"
        "with a grandfather = s dědečkem; with a son = se synem; with a grandson = s vnukem;"
        "with a nephew = se synovcem; with a gentleman = s pánem; with a prince = s princem; with a king = s králem"
    ),
}


@cache
def nouns_of(half: str) -> tuple[dict[str, Phrase], ...]:
    """The nouns of one half, by gender."""
    return tuple(
        {"F": Phrase(row["english_f"], row["czech_f"]), "M": Phrase(row["english_m"], row["czech_m"])}
        for row in read_table("english_czech.tsv")
        if row["half"] == half
    )


class Content(NamedTuple):
    """What a clause says, without the gender. Lines may also use the kind "was", with two agreeing words."""

    kind: str
    verb: Verb
    adjective: Phrase
    middle: list[Phrase]


def clause_about(link: str, content: Content, gender: str) -> Phrase:
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
    return Phrase(english, " ".join(word for word in words if word))


def start_with(noun: Phrase, gender: str, adjective: Phrase | None = None) -> Phrase:
    """Who speaks: *I am a tired girl*, *Jsem unavená holka*."""
    english, czech = noun
    if adjective:
        english = f"{adjective.english} {english}"
        czech = f"{adjective.czech}{'á' if gender == 'F' else 'ý'} {czech}"
    return Phrase(f"I am {'an' if english[0] in 'aeiou' else 'a'} {english}", f"Jsem {czech}")


def join(start: Phrase, clauses: list[tuple[str, Phrase]]) -> str:
    """A line. Only "a" right after the start stands without a comma: later, it also closes a relative clause."""
    english, czech = start
    for place, (link, clause) in enumerate(clauses):
        english += f"{',' if place else ''} {clause.english}"
        czech += f"{' ' if link == 'a' and not place else ', '}{clause.czech}"
    return f"{english}{ARROW}{czech}"
