"""Writes minimal pairs from real sentences with a gender-swapped form, for `charlstm probe --pairs`.

    python corpora/bosque_pairs.py bosque_train_gender.tsv > bosque.jsonl
    charlstm probe --pairs bosque.jsonl --skip-unknown

The table (derived from UD Portuguese-Bosque, CC BY-SA 4.0) has a sentence, where the word that agrees begins and ends,
that word and its form of the other gender, and how many nouns of the other gender stand between it and the noun that
governs it. There are no twins, so only behaviour can be scored: by the kind of word and by attractor (here: no noun
between, nouns of the same gender only, or one of the other gender among them).
"""

from __future__ import annotations

import sys
from pathlib import Path

from charlstm.grammar.pairs import MinimalPair


def main(path: Path) -> None:
    """Write the pairs to standard output."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    names = header.split("\t")
    for number, line in enumerate(lines, 2):
        row = dict(zip(names, line.split("\t"), strict=True))
        text, start, end = row["text"], int(row["start"]), int(row["end"])
        if text[start:end] != row["correct"]:
            raise SystemExit(f"{path}, line {number}: {row['correct']!r} does not stand at {start}")
        if start == 0:
            continue  # nothing was read before it
        between, opposite = int(row["n_nouns_between"]), int(row["n_opposite_gender_nouns_between"])
        condition = "none" if between == 0 else "opposite" if opposite else "same"
        pair = MinimalPair(
            text,
            text[:start] + row["wrong"] + text[end:],
            condition=condition,
            kind=row["kind"],
            label="F" if row["gender"] == "Fem" else "M",
            lemma=row["controller"],
            source=f"{path}, line {number}",
        )
        sys.stdout.write(pair.to_json() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
