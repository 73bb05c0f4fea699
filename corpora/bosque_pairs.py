"""Writes minimal pairs from real sentences with a gender-swapped form, for `charlstm probe --pairs`.

    python corpora/bosque_pairs.py bosque_train_gender.tsv > bosque.jsonl
    charlstm probe --pairs bosque.jsonl --skip-unknown

The table (derived from UD Portuguese-Bosque, CC BY-SA 4.0) has a sentence, where the word that agrees begins and ends,
that word and its form of the other gender, and how many nouns of the other gender stand between it and the noun that
governs it. Without twins only behaviour can be scored: by the kind of word and by attractor (here: no noun between,
nouns of the same gender only, or one of the other gender among them).

With `--twins`, causes can be tested, too: each sentence gets a twin in which the noun and all that agrees with it is
exchanged for one of the other gender (`charlstm/grammar/portuguese_twins.py`). Proper names with an article (*do PT*)
then count as nouns, and where both genders stand between, the condition is "mixed". Sentences where the exchange is not
certain are left out; how many, and why, is said on standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from charlstm.errors import TextError
from charlstm.grammar.pairs import MinimalPair
from charlstm.grammar.portuguese_agreement import Adjectives
from charlstm.grammar.portuguese_twin_reading import Agreement, Place, Uncertain
from charlstm.grammar.portuguese_twins import make_twin, names_between

Row = dict[str, str]
GENDERS, NUMBERS = ("Fem", "Masc"), ("Sing", "Plur")


def read(path: Path) -> Iterator[tuple[str, Row]]:
    """The rows of the table, each with its file and line for messages."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    names = header.split("\t")
    for number, line in enumerate(lines, 2):
        source = f"{path}, line {number}"
        fields = line.split("\t")
        if len(fields) != len(names):
            raise SystemExit(f"{source}: {len(fields)} fields; the header names {len(names)}")
        row = dict(zip(names, fields, strict=True))
        if row["text"][int(row["start"]) : int(row["end"])] != row["correct"]:
            raise SystemExit(f"{source}: {row['correct']!r} does not stand at {row['start']}")
        if int(row["start"]) > 0:  # else nothing was read before it
            yield source, row


def condition(row: Row) -> str:
    """What nouns stand between, by gender."""
    between, opposite = int(row["n_nouns_between"]), int(row["n_opposite_gender_nouns_between"])
    return "none" if between == 0 else "opposite" if opposite else "same"


def condition_with_names(row: Row, agreement: Agreement) -> str:
    """The same, where proper names with an article count as nouns, and both genders are "mixed"."""
    between, opposite = int(row["n_nouns_between"]), int(row["n_opposite_gender_nouns_between"])
    genders = names_between(agreement)
    has_opposite = opposite > 0 or 1 - agreement.gender in genders
    has_same = between > opposite or agreement.gender in genders
    return {(True, True): "mixed", (True, False): "opposite", (False, True): "same"}.get(
        (has_opposite, has_same), "none"
    )


def without_twin(source: str, row: Row) -> MinimalPair:
    """The sentence as it is, and with the wrong form."""
    text, start, end = row["text"], int(row["start"]), int(row["end"])
    wrong = text[:start] + row["wrong"] + text[end:]
    return MinimalPair(
        text,
        wrong,
        condition=condition(row),
        kind=row["kind"],
        label=label(row),
        lemma=row["controller"],
        source=source,
    )


def label(row: Row) -> str:
    """The class of the sentence."""
    return "F" if row["gender"] == "Fem" else "M"


def places(row: Row) -> tuple[Place, Place]:
    """Where the noun and the word that agrees with it stand."""
    target = Place(int(row["start"]), int(row["end"]))
    end = target.start - int(row["char_dist"])
    return Place(end - len(row["controller"]), end), target


def with_twins(rows: list[tuple[str, Row]], left_out: Counter[str]) -> Iterator[MinimalPair]:
    """Pairs with twins; counts those that are left out, by reason."""
    by_text: dict[str, list[Row]] = defaultdict(list)
    for _, row in rows:
        by_text[row["text"]].append(row)
    numbers = [(row, GENDERS.index(row["gender"]), NUMBERS.index(row["number"])) for _, row in rows]
    adjectives = Adjectives((row["correct"], row["wrong"], gender, number) for row, gender, number in numbers)
    for (source, row), (_, gender, number) in zip(rows, numbers, strict=True):
        noun, target = places(row)
        beside = [(places(other), other["wrong"]) for other in by_text[row["text"]]]
        agreement = Agreement(
            row["text"],
            noun,
            target,
            row["wrong"],
            gender,
            number,
            own={place: wrong for (governor, place), wrong in beside if governor == noun},
            foreign=frozenset(place for (governor, place), _ in beside if governor != noun),
        )
        try:
            yield make_twin(
                agreement,
                adjectives,
                condition=condition_with_names(row, agreement),
                kind=row["kind"],
                label=label(row),
                source=source,
            )
        except Uncertain as e:
            left_out[str(e)] += 1
        except TextError as e:
            left_out[str(e).removeprefix(f"{source}: ")] += 1


def main() -> None:
    """Write the pairs to standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--twins", action="store_true", help="give each pair a twin; leave out what is not certain")
    given = parser.parse_args()
    rows = list(read(given.table))
    if not given.twins:
        for source, row in rows:
            sys.stdout.write(without_twin(source, row).to_json() + "\n")
        return
    left_out: Counter[str] = Counter()
    number = 0
    for number, pair in enumerate(with_twins(rows, left_out), 1):  # noqa: B007
        sys.stdout.write(pair.to_json() + "\n")
    sys.stderr.write(f"{number} pairs of {len(rows)}; left out:\n")
    for reason, often in left_out.most_common():
        sys.stderr.write(f"{often:6d}  {reason}\n")


if __name__ == "__main__":
    main()
