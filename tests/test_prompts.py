import json
from pathlib import Path

import pytest
from conftest import Invoke

from charlstm.sample import blocks

SETTINGS = ("-c", "english", "-n", 30, "--seed", 4, "-q")
LINES = ["Once upon a time", "", "The old man", "In the evening, Clara", "A"]


def objects(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def test_each_line_gets_the_text_that_it_gets_alone(
    invoke: Invoke, prompts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "STREAMS", 5)  # two prompts a block
    result = invoke("sample", *SETTINGS, "--prompts", prompts, "--num", 2)
    assert (result.code, result.err) == (0, "")
    found = objects(result.out)
    assert [set(o) for o in found] == [{"prompt", "sample", "seed", "text"}] * 10
    alone = [o for p in LINES for o in objects(invoke("sample", *SETTINGS, "-p", p, "--num", 2, "--json").out)]
    assert found == [{name: o[name] for name in ("prompt", "sample", "seed", "text")} for o in alone]
    piped = invoke("sample", *SETTINGS, "--prompts", "-", "--num", 2, stdin="\r\n".join(LINES).encode())
    assert piped.out == result.out
    detailed = objects(invoke("sample", *SETTINGS, "--prompts", prompts, "--json").out)
    assert all(len(o["logprobs"]) == 30 for o in detailed)  # type: ignore[arg-type]


def test_other_fields_go_through_and_the_name_says_what_the_lines_are(invoke: Invoke, tmp_path: Path) -> None:
    lines = '{"id": 7, "prompt": "One\\nday", "tags": ["é", null]}\n\n{"prompt": "The cafe\\u0301 "}\n'
    (tmp_path / "p.jsonl").write_text(lines, encoding="utf-8")
    settings = ("-c", "portuguese", *SETTINGS[2:])
    result = invoke("sample", *settings, "--prompts", "p.jsonl")
    first, second = objects(result.out)
    assert list(first) == ["id", "prompt", "tags", "sample", "seed", "text"]
    assert (first["id"], first["prompt"], first["tags"], second["prompt"]) == (7, "One\nday", ["é", None], "The café ")
    alone = objects(invoke("sample", *settings, "-p", "One\nday", "--json").out)[0]
    assert first["text"] == alone["text"]
    piped = invoke("sample", *settings, "--prompts", "-", "--prompts-format", "jsonl", stdin=lines.encode())
    assert piped.out == result.out
    (text,) = objects(invoke("sample", *SETTINGS, "--prompts", "-", stdin=b'"a"').out)
    assert text["prompt"] == '"a"'


REFUSED = [
    ("p.txt", b"ok\nan \xe2\x98\x83\n", 3, "p.txt, line 2: the model has never seen"),
    ("p.txt", b"caf\xe9\n", 3, "byte 3"),
    ("p.txt", b"", 3, "no prompts in it"),
    ("p.txt", b"a\0b", 3, "prompts are read in UTF-8"),
    ("p.jsonl", b'{"prompt": "a"}\n{"prompt": }', 3, "p.jsonl, line 2: not JSON"),
    ("p.jsonl", b'\n["a"]', 3, 'line 2: expected an object with a prompt, such as {"prompt": "Once"}'),
    ("p.jsonl", b'{"prompt": 3}', 3, "line 1: expected an object with a prompt"),
    ("p.jsonl", b'{"prompt": "a", "seed": 3}', 3, 'the output has a "seed" of its own'),
    ("p.jsonl", b'{"prompt": "a", "x": NaN}', 3, "NaN is no number of JSON"),
    ("p.jsonl", b'{"prompt": "a", "x": "\\ud800"}', 3, "a lone surrogate"),
    ("p.jsonl", b'{"prompt": "a", "x": ' + b"[" * 100_000, 3, "line 1: not JSON"),
    ("p.jsonl", b"\n\n", 3, "no prompts in it"),
]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--prompts", ""), "--prompts: the name of the file is empty"),
        (("--prompts", "-", "--color"), "--color does not go with --prompts"),
        (("--prompts-format", "jsonl"), "--prompts-format goes with --prompts"),
    ],
)
def test_options_that_make_no_sense_together(invoke: Invoke, options: tuple[str, ...], said: str) -> None:
    result = invoke("sample", *SETTINGS, *options, stdin=b"a\n")
    assert (result.code, result.out) == (2, "")
    assert said in " ".join(result.err.replace("│", " ").split())


@pytest.mark.parametrize(("name", "content", "code", "said"), REFUSED)
def test_what_is_wrong_with_a_line_is_said_before_anything_is_written(
    invoke: Invoke, tmp_path: Path, name: str, content: bytes, code: int, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    result = invoke("sample", *SETTINGS, "--prompts", name)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert result.err.count("\n") == 1
    assert "--encoding" not in result.err


def test_prompts_that_are_not_there_or_given_twice(invoke: Invoke) -> None:
    missing = invoke("sample", *SETTINGS, "--prompts", "none.txt")
    assert (missing.code, "none.txt" in missing.err) == (3, True)
    twice = invoke("sample", *SETTINGS, "--prompts", "none.txt", "--prompt", "a")
    assert twice.code == 2
    assert "give only one of --prompt and --prompts" in twice.err


def test_what_an_unknown_character_becomes(invoke: Invoke) -> None:
    result = invoke("sample", *SETTINGS, "--prompts", "-", "--unknown", "skip", stdin="An ☃ end".encode())
    assert objects(result.out)[0]["prompt"] == "An  end"


def test_the_built_in_model_that_reads_the_prompts_best_is_taken(invoke: Invoke) -> None:
    result = invoke("sample", "-n", 1, "--prompts", "-", stdin="\nO coração da menina não é\n".encode())
    assert "portuguese" in result.err


def test_samples_match_a_pattern(invoke: Invoke, prompts: Path) -> None:
    result = invoke("sample", *SETTINGS, "--prompts", prompts, "--match", r"[a-z ]{3,9}\.", "--json")
    for found in objects(result.out):
        text = str(found["text"])
        assert text[-1] == "."
        assert 4 <= len(text) <= 10
        assert len(found["allowed_logprobs"]) == len(text)  # type: ignore[arg-type]
        assert all(p <= 0 for p in found["allowed_logprobs"])  # type: ignore[attr-defined]
    assert "allowed_logprobs" not in invoke("sample", *SETTINGS, "--json").out


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "--match '(' is no regular expression"),
        ("a{31}", "--match 'a{31}' matches nothing of --length 30 or less: the shortest has 31 characters"),
        ("☃", "has never seen '☃' (U+2603 SNOWMAN)"),
    ],
)
@pytest.mark.parametrize("source", [("--prompt", "The"), ("--prompts", "-")])
def test_a_pattern_that_cannot_be_met_is_a_wrong_option(
    invoke: Invoke, source: tuple[str, str], pattern: str, said: str
) -> None:
    result = invoke("sample", *SETTINGS, *source, "--match", pattern, stdin=b"The\n")
    assert (result.code, result.out) == (2, "")
    assert said in result.err.splitlines()[-1]


def test_an_accent_in_a_pattern_is_composed(invoke: Invoke) -> None:
    assert invoke("sample", "-c", "portuguese", "-q", "--match", "cafe\u0301").out == "café"
