"""What is probed when nothing else is asked for: gender in Portuguese, and the sentence that began it.

The first sentence is soft: Portuguese drops subjects, so *quando o João viajou estava muito cansado* is right, too,
with João as the subject. In the hard one only the first noun can be meant.
"""

from __future__ import annotations

from charlstm.errors import TextError
from charlstm.grammar import minimal_pairs
from charlstm.grammar.pairs import MinimalPair

CORPUS = "agreement-pt"
PAIRS = 540  # 60 nouns, nine each: three distances, three attractors
WARM = "Hoje choveu de novo em Lisboa.\n"
SOFT = "A menina disse que não foi se despedir porque quando o João viajou estava muito cansada."
HARD = "A menina que o João viu ontem estava muito cansada."


def default_pairs(seed: int) -> list[MinimalPair]:
    """Held-out pairs of `agreement-pt`."""
    return minimal_pairs(CORPUS, PAIRS, seed)


def default_sentences() -> list[tuple[str, MinimalPair]]:
    """The sentence of the girl and João, and one in which nothing but the first noun can be meant."""
    found = []
    for name, sentence in (("soft", SOFT), ("hard", HARD)):
        start = sentence.index("o João")
        pair = pair_of(sentence, "A menina", "O menino", "cansada", "cansado", attractor=(start, start + len("o João")))
        found.append((name, pair))
    return found


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
