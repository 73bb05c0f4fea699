"""Makes the word lists of `agreement-en` anew, from a folder with a lexicon of number and our own lists.

    python corpora/make_english_lexicon.py FOLDER

FOLDER holds `nouns_number.tsv` and `verbs_number.tsv`: forms after AGID (Kevin Atkinson), counted in prose that is in the
public domain. What is our own (persons, verbs and what follows them, nouns of newspapers) is in `english_words.toml`.
Writes `english_nouns.tsv` and `english_verbs.tsv`, and AGID's notice beside them, into `charlstm/grammar/words/`.
"""

from __future__ import annotations

import csv
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WORDS = HERE.parent / "charlstm" / "grammar" / "words"
MODERN = 60  # the frequency of a noun that the older prose does not have
IRREGULAR = 300  # and what an irregular noun has at least: these have to be met to be known
EVERY = 8  # one in so many lemmas is kept for probing

FUNCTION_WORDS = """
i you he she it we they me him us them my your his her its our their is are was were has have had do does did don't isn't
and but or so yet for nor the a an this that these those who whom which what where when if although because while there
each every all some any no not both many most few several one two three four five ten twenty another other such said
himself herself itself themselves ourselves being been be going to having
"""


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a tab-separated file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def regular_plural(noun: str) -> str:
    """The plural by rule."""
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    if re.search(r"(?<!hu)man$", noun):
        return noun[:-3] + "men"
    return noun + "s"


def noun_forms(lists: dict[str, Any], rows: Iterable[dict[str, str]]) -> dict[str, tuple[str, int]]:
    """Plural and frequency by singular: the lexicon's nouns that have both numbers, and ours."""
    left_out = set(lists["left_out"].split())
    irregular = dict(forms.split(":") for forms in lists["nouns"]["irregular"].split() if not forms.endswith("*"))
    persons = {noun for group in lists["persons"].values() for noun in group.split()}
    ours = [*persons, *lists["nouns"]["things"].split(), *irregular]
    ours += [noun for group in ("relational_things", "relational_persons") for noun in lists["nouns"][group].split()]
    ours += [noun for pair in lists["nouns"]["compounds"].split() for noun in pair.split(":")[1].split(",")]
    found: dict[str, tuple[str, int]] = {}
    for row in rows:
        flags = [row[name] for name in ("sg_also_verb", "sg_also_adj")]
        plain = row["clean"] == "1" or (flags == ["0", "0"] and row["pl_also_verb"] == "0")
        usual = float(row["lowercase_share"]) > 0.7 and int(row["freq_sg"]) + int(row["freq_pl"]) >= 4
        if (plain and usual and row["singular"] not in left_out and len(row["singular"]) > 2) or row[
            "singular"
        ] in persons:
            found[row["singular"]] = (row["plural"], int(row["freq_sg"]) + int(row["freq_pl"]))
    for noun in sorted(set(ours) - (left_out - persons)):
        if "_" not in noun:
            found.setdefault(noun, (regular_plural(noun), MODERN))
    for noun, plural in irregular.items():
        if noun in found:
            found[noun] = (plural, max(found[noun][1], IRREGULAR))
    return {noun: found[noun] for noun in sorted(found) if found[noun][0] != noun}


def words_of(value: object) -> Iterator[str]:
    """All words of a TOML file, wherever they stand."""
    if isinstance(value, str):
        yield from re.findall(r"[a-z'-]+", value.lower())
    elif isinstance(value, dict):
        for part in value.values():
            yield from words_of(part)
    elif isinstance(value, list):
        for part in value:
            yield from words_of(part)


def band(frequency: int) -> int:
    """A frequency, rounded to one significant digit."""
    power = 10 ** (len(str(frequency)) - 1)
    return max(1, round(frequency / power) * power)


def nouns_table(lists: dict[str, Any], rows: list[dict[str, str]], taken: set[str]) -> Iterator[str]:
    """The lines of `english_nouns.tsv`; `taken` are the forms of other words, which cannot be kept for probing."""
    gender = {n: g for g, group in (("N", "either"), ("F", "feminine"), ("M", "masculine"))
              for n in lists["persons"][group].split()}  # fmt: skip
    relational = set(lists["nouns"]["relational_things"].split()) | set(lists["nouns"]["relational_persons"].split())
    forms = noun_forms(lists, rows)
    shared = [form for noun, (plural, _) in forms.items() for form in (noun, plural)]
    met = set(lists["met"].split())
    several = {form for form in shared if shared.count(form) > 1}
    yield "# Nouns of `agreement-en`. gender: of a person (F, M, N either), of nothing else. relational: is followed by *of*."
    yield "# frequency: in older prose, one digit. half: probe for every eighth of a class, if none of its forms is another word."
    yield "singular\tplural\tgender\trelational\tfrequency\thalf"
    counts: dict[tuple[str, bool, bool], int] = {}
    for noun, (plural, frequency) in forms.items():
        key = (gender.get(noun, ""), noun in relational, plural != regular_plural(noun) or noun.endswith("man"))
        free = not {noun.lower(), plural.lower()} & (taken | several | met)
        counts[key] = counts.get(key, 4) + 1
        probe = free and counts[key] >= EVERY
        if probe:
            counts[key] = 0
        fields = (noun, plural, key[0], "yes" if key[1] else "", str(band(frequency)), "probe" if probe else "train")
        yield "\t".join(fields)


def third_person(verb: str) -> str:
    """*walks*, *goes*, *carries*."""
    return verb + "es" if verb in ("go", "do", "veto", "echo") else regular_plural(verb)


def past_of(verb: str, doubling: set[str]) -> str:
    """The regular past, which is the participle, too."""
    if verb in doubling:
        return f"{verb}{verb[-1]}ed"
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if re.search(r"[^aeiou]y$", verb) else verb + "ed"


def gerund_of(verb: str, doubling: set[str]) -> str:
    """*walking*, *making*, *stopping*, *lying*, *seeing*."""
    if verb in doubling:
        return f"{verb}{verb[-1]}ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    return verb[:-1] + "ing" if re.search(r"[^eoy]e$", verb) else verb + "ing"


def verb_uses(lists: dict[str, Any]) -> dict[str, list[str]]:
    """What each verb is used for: the groups of the lists, a preposition after a colon."""
    uses: dict[str, list[str]] = {}
    for group, words in lists["verbs"].items():
        if group in ("irregular", "doubling"):
            continue
        for word in words.split():
            verb, _, preposition = word.partition(":")
            use = f"{group}:{preposition}" if preposition else group
            if use not in uses.setdefault(verb, []):
                uses[verb].append(use)
    return uses


def verbs_table(lists: dict[str, Any], rows: list[dict[str, str]]) -> Iterator[str]:
    """The lines of `english_verbs.tsv`.

    Raises:
        SystemExit: a third person of ours is not the lexicon's.
    """
    counted = {row["plural_or_base"]: row for row in rows}
    irregular = {forms.split(":")[0]: forms.split(":")[1:] for forms in lists["verbs"]["irregular"].split()}
    doubling = set(lists["verbs"]["doubling"].split())
    yield "# Verbs of `agreement-en`. uses: the subject (person, any) and what follows; a preposition after a colon."
    yield "base\tthird\tpast\tparticiple\tgerund\tfrequency\tuses"
    for verb, uses in sorted(verb_uses(lists).items()):
        past, participle = irregular.get(verb) or [past_of(verb, doubling)] * 2
        row = counted.get(verb)
        if row and row["third_singular"] != third_person(verb):
            sys.exit(f"{verb}: {third_person(verb)}, the lexicon has {row['third_singular']}")
        frequency = band(int(row["freq_base"]) + int(row["freq_3sg"])) if row else 20
        forms = (verb, third_person(verb), past, participle, gerund_of(verb, doubling))
        yield "\t".join((*forms, str(max(20, frequency)), " ".join(uses)))


def compounds_table(lists: dict[str, Any], singulars: set[str]) -> Iterator[str]:
    """The lines of `english_compounds.tsv`, by the second noun.

    Raises:
        SystemExit: one of these is not among the nouns.
    """
    found: dict[str, list[str]] = {}
    for pair in lists["nouns"]["compounds"].split():
        first, _, seconds = pair.partition(":")
        for second in seconds.split(","):
            if second not in singulars:
                sys.exit(f"{first} {second}: not among the nouns")
            found.setdefault(second, []).append(first)
    yield "# What may stand before a noun of `agreement-en`: *grocery store*. Our own list."
    yield "noun\tfirst"
    for second in sorted(found):
        yield f"{second}\t{' '.join(found[second])}"


def write(name: str, lines: Iterable[str]) -> None:
    """One file of the word lists."""
    (WORDS / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def main(folder: Path) -> None:
    """Write everything."""
    lists = tomllib.loads((HERE / "english_words.toml").read_text(encoding="utf-8"))
    verbs = list(verbs_table(lists, read_rows(folder / "verbs_number.tsv")))
    write("english_verbs.tsv", verbs)
    phrases = tomllib.loads((WORDS / "english_phrases.toml").read_text(encoding="utf-8"))
    names = [
        line.split("\t")[0].lower() for line in (WORDS / "english_names.tsv").read_text(encoding="utf-8").splitlines()
    ]
    taken = {form for line in verbs for form in line.split("\t")[:5]} | {
        *words_of(phrases),
        *names,
        *FUNCTION_WORDS.split(),
    }
    taken |= set(words_of([pair.replace(":", " ").replace(",", " ") for pair in lists["nouns"]["compounds"].split()]))
    nouns = list(nouns_table(lists, read_rows(folder / "nouns_number.tsv"), taken))
    write("english_nouns.tsv", nouns)
    write("english_compounds.tsv", compounds_table(lists, {line.split("\t")[0] for line in nouns}))
    write("NOTICE-english.txt", [(folder / "LICENSE_AGID.txt").read_text(encoding="utf-8").rstrip("\n")])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
