"""Minimal pairs: what fits together, what the files may say, and what is said of those that do not fit."""

import json
from pathlib import Path

import pytest

from charlstm.errors import TextError
from charlstm.grammar.pairs import MinimalPair, read_pairs, to_delimiter

GOOD, BAD, TWIN = "A menina estava cansada.", "A menina estava cansado.", "O menino estava cansado."


def test_what_follows_from_the_sentences() -> None:
    pair = MinimalPair(GOOD, BAD, twin=TWIN)
    assert pair.target == GOOD.index("a.")
    assert (pair.prefix, pair.twin_prefix) == ("A menina estava cansad", "O menino estava cansad")
    assert pair.endings == ("a.", "o.")
    assert GOOD[: pair.end_of_cue] == "A menina"
    assert MinimalPair(GOOD, BAD, condition="same").twin_condition == "opposite"
    assert MinimalPair(GOOD, BAD, condition="none").twin_condition == "none"


def test_twins_of_different_length() -> None:
    pair = MinimalPair("A autora era nova.", "A autora era novo.", twin="O autor era novo.")
    assert pair.prefix[: pair.end_of_cue] == "A autora"
    assert pair.twin_prefix == "O autor era nov"


def test_endings_run_through_the_delimiter() -> None:
    pair = MinimalPair("Ela é espanhola, sim.", "Ela é espanhol, sim.")
    assert pair.endings == ("a,", ",")
    assert pair.rests == ("a, sim.", ", sim.")
    assert to_delimiter("cansada", 6) == "a"
    assert pair.words == ("espanhola", "espanhol")
    assert MinimalPair("The keys are here", "The keys is here").words == ("are", "is")


@pytest.mark.parametrize("delimiter", [" ", ".", ",", ";", ":", "!", "?", "\n", ""])
def test_words_are_without_what_delimits_them(delimiter: str) -> None:
    pair = MinimalPair(f"Ela está cansada{delimiter}", f"Ela está cansado{delimiter}")
    assert pair.words == ("cansada", "cansado")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sentence_bad": GOOD}, "are the same"),
        ({"sentence_bad": "Xyz"}, "from the first character on"),
        ({"twin": GOOD}, "must end as sentence_bad does"),
        ({"twin": BAD}, "the same cue"),
        ({"twin": "o."}, "must end as"),
        ({"sentence_good": "Fxa.", "sentence_bad": "Fxo.", "twin": "xo."}, "the twin has no cue"),
        ({"cue_end": 3}, "cue_end 3 must lie between 8"),
        ({"cue_end": 22}, "cue_end 22 must lie between"),
        ({"attractor": (2, 8)}, "the attractor must lie between"),
        ({"attractor": (9, 99)}, "the attractor must lie between"),
    ],
)
def test_what_does_not_fit_together(fields: dict[str, object], message: str) -> None:
    with pytest.raises(TextError, match=message):
        MinimalPair(**{"sentence_good": GOOD, "sentence_bad": BAD, "twin": TWIN, **fields})  # type: ignore[arg-type]


def test_json_lines_come_back_as_they_were(tmp_path: Path) -> None:
    pairs = [
        MinimalPair(GOOD, BAD, TWIN, 8, "none", "menina/menino", 14, "article", "F"),
        MinimalPair("A menina que o João viu é alta.", "A menina que o João viu é alto.", attractor=(13, 19)),
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(pair.to_json() + "\n\n" for pair in pairs), encoding="utf-8")
    assert [pair.to_json() for pair in read_pairs(path)] == [pair.to_json() for pair in pairs]
    assert read_pairs(path)[1].source.endswith("line 3")


def test_tab_separated_lines(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(f"True\t{GOOD}\nFalse\t{BAD}\r\n", encoding="utf-8")
    (pair,) = read_pairs(path)
    assert (pair.sentence_good, pair.sentence_bad, pair.twin) == (GOOD, BAD, None)


def test_text_is_normalised(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"sentence_good": "Joa\u0303o e\u0301 alto", "sentence_bad": "João é alta"}) + "\n")
    assert read_pairs(path)[0].sentence_good == "João é alto"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty|no pairs in it"),
        ("\n\n", "no pairs in it"),
        ("{", "line 1: not JSON"),
        ('{"a": 1}\n', "sentence_good and sentence_bad are needed"),
        ('{"sentence_good": 3, "sentence_bad": "x"}', "sentence_good must be a text"),
        ('{"sentence_good": "ab", "sentence_bad": "ac", "cue_end": true}', "cue_end must be a whole number"),
        ('{"sentence_good": "ab", "sentence_bad": "ac", "cue_end": -1}', "cue_end must be a whole number"),
        ('{"sentence_good": "ab", "sentence_bad": "ac", "attractor": [1]}', "attractor must be two whole numbers"),
        ('{"sentence_good": "ab", "sentence_bad": "ac"}\n[1]', "line 2: not a JSON object"),
        ("True\tab\nTrue\tac\n", "line 2: expected False"),
        ("False\tab\n", "line 1: expected True"),
        ("True\tab\n", "the wrong form of the last pair is missing"),
        ("what is this\n", "expected JSON, or True or False"),
        ("[" * 100_000, "expected JSON, or True or False|not JSON"),
    ],
)
def test_files_that_hold_no_pairs(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "pairs"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TextError, match=message):
        read_pairs(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="No such file"):
        read_pairs(tmp_path / "nothing")


def test_a_paradigm_of_blimp_is_a_kind(tmp_path: Path) -> None:
    file = tmp_path / "blimp.jsonl"
    file.write_text('{"sentence_good": "Ann hurt herself.", "sentence_bad": "Ann hurt himself.", "UID": "anaphor"}\n')
    assert [pair.kind for pair in read_pairs(file)] == ["anaphor"]
