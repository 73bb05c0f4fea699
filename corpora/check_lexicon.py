"""Compares the Portuguese word lists of `agreement-pt` with a lexicon.

    python corpora/check_lexicon.py FOLDER      (or: make lexicon LEXICON=FOLDER)

FOLDER holds `nouns_gender.tsv` (form, lemma, gender, number, ...) and `adj_pairs.tsv` (lemma, masc_sg, fem_sg, ...),
which were derived from MorphoBr (Apache License 2.0). A form that the lexicon contradicts is an error; one that it
does not list (it leaves out what could also be another part of speech) is only counted.
"""

from __future__ import annotations

import sys
from pathlib import Path

from charlstm.grammar.word_lists import read_table


def main(folder: Path) -> int:
    """Print what was found; 1 if a form is contradicted."""
    genders: dict[str, set[str]] = {}
    for row in _rows(folder / "nouns_gender.tsv"):
        genders.setdefault(row["form"], set()).add(row["gender"])
    feminine_of = {row["masc_sg"]: row["fem_sg"] for row in _rows(folder / "adj_pairs.tsv")}
    wrong, listed, unlisted = [], 0, 0
    for row in read_table("portuguese_nouns.tsv"):
        for form, gender in ((row["feminine"], "F"), (row["masculine"], "M")):
            known = genders.get(form)
            if known is None:
                unlisted += 1
            elif gender in known:
                listed += 1
            else:
                wrong.append(f"{form} is {gender} here, {'/'.join(sorted(known))} there")
    for row in read_table("portuguese_adjectives.tsv"):
        feminine = feminine_of.get(row["masculine"])
        if feminine is None:
            unlisted += 1
        elif feminine == row["feminine"]:
            listed += 1
        else:
            wrong.append(f"{row['masculine']}: {row['feminine']} here, {feminine} there")
    sys.stdout.write(f"{listed} forms agree, {unlisted} are not listed, {len(wrong)} are contradicted\n")
    for line in wrong:
        sys.stdout.write(f"  {line}\n")
    return 1 if wrong else 0


def _rows(path: Path) -> list[dict[str, str]]:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    names = header.split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
