"""Lines that are scored one by one: the numbers, and `charlstm score` as a person types it."""

import gzip
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Invoke

import charlstm
from charlstm import scoring
from charlstm.checkpoint import ModelFile, save_model_file
from charlstm.cli import score as command
from charlstm.config import ModelConfig
from charlstm.corpus import read_lines
from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.errors import TextError, UnknownCharacterError, UsageError
from charlstm.evaluate import score_stream
from charlstm.network.cells import CELLS
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.report.scores import Columns, ScoredLine, Screen
from charlstm.scoring import Characters, TextScore, score_lines, score_texts

FP32 = Kernels(torch.float32)
CHARACTERS = "\n abcdefg\u00e9"
LINES = ["abc", "", "a bad cab faced a bee", "d", "g" * 150, "fade\u00e9 " * 20, "abc"]


def content_of(
    seed: int = 0, cell_type: str = "lstm", characters: str = CHARACTERS, opening: str = "\n\n"
) -> ModelFile:
    """An untrained model whose answers differ much from character to character."""
    vocabulary = Vocabulary.of(characters)
    model = CharLM(ModelConfig(len(vocabulary), hidden_size=10, num_layers=2, embedding_size=4, cell_type=cell_type))
    model.reset_parameters(30, seed)
    with torch.no_grad():
        model.head.weight.mul_(20)
    return ModelFile(model, vocabulary, {"opening": opening})


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Path]:
    """Two model files, and a text."""
    paths = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    for seed, path in enumerate(paths):
        save_model_file(path, content_of(seed))
    (tmp_path / "lines.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return paths


@torch.no_grad()
def oracle(content: ModelFile, line: str, newline: bool = False) -> list[tuple[float, int, float]]:
    """Log-probability, rank and entropy of each character, by the readable step of the gates, one after the other."""
    model, encode = content.model, content.vocabulary.encode
    state, found = model.zero_state(1), []
    opening, rest = encode(content.opening).tolist(), encode(line + "\n" * newline).tolist()
    read = [*opening, *rest]
    for k, character in enumerate(read[:-1]):
        logits, state = model.step(torch.tensor([character]), state)
        log_p = logits[0].double().log_softmax(dim=0).numpy()
        if k + 1 >= len(opening):
            of_next = log_p[read[k + 1]]
            found.append((of_next, 1 + int((log_p > of_next).sum()), -float((np.exp(log_p) * log_p).sum())))
    return found


def ids_of(content: ModelFile, lines: Sequence[str]) -> list[Ids]:
    return [content.vocabulary.encode(line) for line in lines]


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize("newline", [False, True])
def test_every_line_has_the_score_that_the_gates_give_it_step_by_step(cell_type: str, newline: bool) -> None:
    content = content_of(cell_type=cell_type)
    found = score_lines(content, ids_of(content, LINES), FP32, newline=newline, per_char=True)
    for line, score in zip(LINES, found, strict=True):
        expected = oracle(content, line, newline)
        assert score.characters == len(line) + newline == len(expected)
        assert score.nats == pytest.approx(-math.fsum(p for p, _, _ in expected), abs=1e-4, rel=1e-6)
        assert score.each is not None
        assert score.each.logprobs == pytest.approx([p for p, _, _ in expected], abs=1e-4)
        assert score.each.ranks.tolist() == [rank for _, rank, _ in expected]
        assert score.each.entropies == pytest.approx([entropy for _, _, entropy in expected], abs=1e-4)


def test_a_line_has_the_same_score_alone_and_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of()
    ids = ids_of(content, LINES)
    alone = [score_lines(content, [one], FP32)[0] for one in ids]
    for lanes, window in ((128, 64), (3, 7), (1, 1)):
        monkeypatch.setattr(scoring, "MAX_LANES", lanes)
        monkeypatch.setattr(scoring, "WINDOW", window)
        together = score_lines(content, ids, FP32, per_char=True)
        assert [score.nats for score in together] == pytest.approx([score.nats for score in alone], rel=1e-6, abs=1e-5)
        assert [score.characters for score in together] == [len(line) for line in LINES]
        for score in together:
            assert score.each is not None
            assert float(score.each.logprobs.sum(dtype=np.float64)) == pytest.approx(-score.nats, abs=1e-5)


def test_a_line_scores_what_reading_it_as_a_text_gives() -> None:
    content = content_of(opening="\n")
    line = "a bad cab faced a bee"
    read = content.vocabulary.encode("\n" + line)
    whole = score_stream(content.model, read, FP32)
    (score,) = score_lines(content, ids_of(content, [line]), FP32)
    assert score.characters == whole.characters
    assert score.nats_per_char == pytest.approx(whole.nats_per_char, rel=1e-6)
    assert score.bits_per_char == pytest.approx(whole.bits_per_char, rel=1e-6)
    assert score_texts(content.model, [read, read], FP32)[1].nats == pytest.approx(score.nats, rel=1e-6)


def test_logits_are_taken_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of()
    whole = score_lines(content, ids_of(content, LINES), FP32, per_char=True)
    monkeypatch.setattr(scoring, "MAX_LOGITS", 25)
    pieces = score_lines(content, ids_of(content, LINES), FP32, per_char=True)
    assert [score.nats for score in pieces] == pytest.approx([score.nats for score in whole], abs=1e-5)


def test_python_scores_lines_as_the_command_does(invoke: Invoke, saved: tuple[Path, Path]) -> None:
    model = charlstm.load(saved[0])
    found = model.score(LINES, per_char=True)
    told = [json.loads(line) for line in invoke("score", "lines.txt", "-c", saved[0]).out.splitlines()]
    assert [score.nats for score in found] == pytest.approx([line["nats"] for line in told], abs=1e-5)
    assert repr(found[0]).startswith("<TextScore: ")
    assert "bits" not in repr(found[1])
    assert math.isnan(found[1].bits_per_char)
    assert model.score(["abc"], newline=True)[0].characters == 4
    assert model.score([]) == []


def test_an_object_a_line(invoke: Invoke, saved: tuple[Path, Path]) -> None:
    done = invoke("score", "lines.txt", "-c", saved[0])
    assert done.code == 0, done.err
    found = [json.loads(line) for line in done.out.splitlines()]
    content = content_of()
    assert [one["text"] for one in found] == LINES
    assert [one["line"] for one in found] == list(range(1, len(LINES) + 1))
    for one in found:
        nats = -math.fsum(p for p, _, _ in oracle(content, one["text"]))
        assert one["nats"] == pytest.approx(nats, abs=1e-4)
        assert one["characters"] == len(one["text"])
        expected = nats / len(one["text"]) / math.log(2) if one["text"] else None
        assert one["bits_per_char"] == pytest.approx(expected, abs=1e-4)
        assert one["file"] == "lines.txt"
    assert invoke("score", "lines.txt", "-c", saved[0], "--json").out == done.out


def test_order_is_kept_over_chunks(invoke: Invoke, saved: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = invoke("score", "lines.txt", "lines.txt", "-c", saved[0], "-q").out
    sizes: list[int] = []
    real = scoring.score_lines
    monkeypatch.setattr(command, "FIRST_CHARS", 10)
    monkeypatch.setattr(command, "CHUNK_CHARS", 20)

    def counted(content: ModelFile, lines: Sequence[Ids], *more: Any, **how: Any) -> list[TextScore]:
        sizes.append(len(lines))
        return real(content, lines, *more, **how)

    monkeypatch.setattr(scoring, "score_lines", counted)
    pieces = invoke("score", "lines.txt", "lines.txt", "-c", saved[0], "-q").out
    assert len(sizes) > 3
    for one, other in zip(map(json.loads, whole.splitlines()), map(json.loads, pieces.splitlines()), strict=True):
        assert one.pop("nats") == pytest.approx(other.pop("nats"), abs=1e-5)
        assert (one.pop("bits_per_char") is None) == (other.pop("bits_per_char") is None)
        assert one == other


def test_where_lines_come_from(invoke: Invoke, saved: tuple[Path, Path], tmp_path: Path) -> None:
    plain = (tmp_path / "lines.txt").read_bytes()
    (tmp_path / "packed.txt.gz").write_bytes(gzip.compress(plain))
    (tmp_path / "dos.txt").write_bytes(b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n"))
    expected = [json.loads(line) for line in invoke("score", "lines.txt", "-c", saved[0]).out.splitlines()]
    for name, stdin in (("-", plain), ("packed.txt.gz", b""), ("dos.txt", b""), ("-", plain.rstrip(b"\n"))):
        done = invoke("score", name, "-c", saved[0], stdin=stdin)
        assert done.code == 0, done.err
        found = [json.loads(line) for line in done.out.splitlines()]
        assert found == [{**one, "file": name} for one in expected]


def test_every_character(invoke: Invoke, saved: tuple[Path, Path]) -> None:
    content = content_of()
    found = [json.loads(line) for line in invoke("score", "lines.txt", "-c", saved[0], "--per-char").out.splitlines()]
    for one in found:
        expected = oracle(content, one["text"])
        assert one["logprobs"] == pytest.approx([p for p, _, _ in expected], abs=1e-4)
        assert one["ranks"] == [rank for _, rank, _ in expected]
        assert one["entropies"] == pytest.approx([entropy for _, _, entropy in expected], abs=1e-4)
    more = ("--per-char", "--tsv", "--newline")
    head, *rows = invoke("score", "lines.txt", "-c", saved[0], *more).out.splitlines()
    assert head.split("\t") == ["file", "line", "position", "character", "logprob", "rank", "entropy"]
    assert len(rows) == sum(len(line) + 1 for line in LINES)
    first = [row.split("\t") for row in rows[:4]]
    assert [row[3] for row in first] == ["a", "b", "c", "\\n"]
    assert [float(row[4]) for row in first[:3]] == pytest.approx(found[0]["logprobs"])


def test_columns_for_a_spreadsheet(invoke: Invoke, saved: tuple[Path, Path]) -> None:
    head, *rows = invoke("score", "lines.txt", "-c", saved[0], "--tsv").out.splitlines()
    assert head.split("\t") == ["file", "line", "nats", "bits_per_char", "characters", "text"]
    assert [row.split("\t")[-1] for row in rows] == LINES
    assert rows[1].split("\t") == ["lines.txt", "2", "0.000000", "", "0", ""]
    assert next(Columns(False, False).rows(ScoredLine("f", 1, "a\tb\\", TextScore(1.0, 3))))[-1] == "a\\tb\\\\"


def test_two_models_are_compared(invoke: Invoke, saved: tuple[Path, Path]) -> None:
    def run(*models: Path) -> list[dict[str, Any]]:
        done = invoke("score", "lines.txt", "-c", models[0], "--against", models[1], "--per-char")
        assert done.code == 0, done.err
        return [json.loads(line) for line in done.out.splitlines()]

    one, other = run(*saved), run(*saved[::-1])
    assert any(abs(line["log_odds"]) > 1 for line in one)
    for mine, theirs in zip(one, other, strict=True):
        assert mine["log_odds"] == pytest.approx(mine["against_nats"] - mine["nats"], abs=1e-5)
        assert mine["log_odds"] == pytest.approx(-theirs["log_odds"], abs=1e-5)
        assert mine["against_logprobs"] == pytest.approx(theirs["logprobs"], abs=1e-5)
    head, *rows = invoke(
        *("score", "lines.txt", "-c", saved[0], "--against", saved[1], "--per-char", "--tsv")
    ).out.splitlines()
    assert head.endswith("\tagainst_logprob\tagainst_rank\tagainst_entropy\tlog_odds")
    assert math.fsum(float(row.split("\t")[-1]) for row in rows[:3]) == pytest.approx(one[0]["log_odds"], abs=1e-4)


def test_both_models_read_the_same_characters(invoke: Invoke, saved: tuple[Path, Path], tmp_path: Path) -> None:
    save_model_file(tmp_path / "few.safetensors", content_of(characters="\nabce"))
    (tmp_path / "x.txt").write_text("abd\u00e9c\nab\n", encoding="utf-8")
    arguments = "score", "x.txt", "-c", saved[0], "--against", "few.safetensors"
    done = invoke(*arguments)
    assert done.code == 3
    assert "x.txt, line 1, for the other model: the model has never seen 'd'" in done.err
    assert "set --unknown to skip or nearest" in done.err
    for how, text in (("skip", "abc"), ("nearest", "abec")):
        found = json.loads(invoke(*arguments, "--unknown", how).out.splitlines()[0])
        assert found["text"] == text
        assert found["characters"] == len(text)


def test_what_is_before_an_error_is_not_lost(invoke: Invoke, saved: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("abc\nbad\nxyz\nabc\n", encoding="utf-8")
    done = invoke("score", "x.txt", "-c", saved[0])
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert "x.txt, line 3: the model has never seen 'x'" in done.err
    assert [json.loads(line)["text"] for line in done.out.splitlines()] == ["abc", "bad"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("bytes.txt",), b"", 3, "byte 4: expected utf-8, found 0xff"),
        (("nothing.txt",), b"", 3, "no such file"),
        (("-",), b"abc\n\xff", 3, "-: byte 4: expected utf-8"),
        (("-", "--json", "--tsv"), b"", 2, "--json and --tsv exclude each other"),
        (("",), b"", 3, "the name of a text is empty"),
        (("-", "--against", "nothing"), b"", 4, "nothing"),
        (("-", "--against", ""), b"", 2, "the name is empty"),
        (("-", "--encoding", "klingon"), b"", 3, "klingon"),
        (("-", "-c", "odd.safetensors", "--newline"), b"ab", 3, "--newline: the model has never seen a newline"),
    ],
)
def test_what_a_person_can_get_wrong(
    invoke: Invoke,
    saved: tuple[Path, Path],
    tmp_path: Path,
    arguments: tuple[str, ...],
    stdin: bytes,
    code: int,
    said: str,
) -> None:
    (tmp_path / "bytes.txt").write_bytes(b"abc\n\xff\n")
    save_model_file(tmp_path / "odd.safetensors", content_of(characters="abc", opening="a"))
    model = () if "-c" in arguments else ("-c", saved[0])
    done = invoke("score", *arguments, *model, stdin=stdin)
    assert done.code == code
    assert said in done.err
    assert done.err.count("\n") == 1 or code == 2


def test_an_empty_file_has_no_lines(invoke: Invoke, saved: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    done = invoke("score", "empty.txt", "-c", saved[0])
    assert (done.code, done.out) == (0, "")
    assert "empty.txt is empty" in done.err


def test_a_reader_that_goes_away_is_no_error(saved: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("abc\n" * 20_000)
    arguments = [sys.executable, "-m", "charlstm", "score", tmp_path / "many.txt", "-c", saved[0]]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline().startswith(b'{"file"')
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 0


def test_lines_may_be_longer_than_what_is_read_at_a_time(tmp_path: Path) -> None:
    path, long = tmp_path / "long.txt", "ab" * 400_000
    path.write_text(f"{long}\n\n{long}")
    assert list(read_lines(path)) == [long, "", long]
    assert list(read_lines(Path("-"), stream=io.BytesIO(b"a\r\nb\n"))) == ["a", "b"]


def test_a_line_that_may_be_a_whole_text(
    invoke: Invoke, saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LONG_LINE", 100)
    done = invoke("score", "lines.txt", "-c", saved[0])
    assert "line 5 of lines.txt has 150 characters and is read in one piece; charlstm eval" in done.err
    assert "note" not in invoke("score", "lines.txt", "-c", saved[0], "-q").err


def test_a_table_for_the_terminal() -> None:
    screen = Screen(Columns(per_char=False, against=True), 80)
    lines = [ScoredLine("f", 1, "w\x1b[31m" + "x" * 90, TextScore(10.0, 8), TextScore(12.5, 8))]
    lines += [ScoredLine("f", 2, "", TextScore(0.0, 0), TextScore(0.0, 0))]
    shown = [screen.heading(), *(row for line in lines for row in screen.show(line)), screen.end()]
    assert max(map(len, shown)) == 80
    assert shown[0].split() == ["line", "nats", "bits/char", "characters", "log", "odds", "text"]
    assert shown[1].split()[:6] == ["1", "10.00", "1.803", "8", "+2.50", "w\\x1b[31m" + "x" * 16 + "..."]
    assert shown[2].split() == ["2", "0.00", "-", "0", "+0.00"]
    assert shown[3].split() == ["all", "10.00", "1.803", "8", "+2.50", "2", "lines"]
    each = Characters(np.array([-0.5], np.float32), np.array([2], np.int32), np.array([1.25], np.float32))
    screen = Screen(Columns(per_char=True, against=False), 80)
    (row,) = screen.show(ScoredLine("f", 3, " ", TextScore(0.5, 1, each)))
    assert screen.heading().split() == ["line", "position", "character", "probability", "nats", "rank", "entropy"]
    assert row.split() == ["3", "1", "'", "'", "0.6065", "0.500", "2", "1.250"]


def test_what_python_refuses(saved: tuple[Path, Path], tmp_path: Path) -> None:
    model = charlstm.load(saved[0])
    save_model_file(tmp_path / "odd.safetensors", content_of(characters="abc", opening="a"))
    refused: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: model.score("abc", newline=True), UsageError, "`newline` goes with a list"),  # type: ignore[call-overload]
        (lambda: model.score("abc", per_char=True), UsageError, "`per_char` goes with a list"),  # type: ignore[call-overload]
        (lambda: model.score(["a", 3]), UsageError, "`text 2` is 3; it must be a text"),
        (lambda: model.score(["a", "x"]), UnknownCharacterError, "text 2: the model has never seen 'x'"),
        (lambda: charlstm.load(tmp_path / "odd.safetensors").score(["a"], newline=True), TextError, "`newline`"),
    ]
    for call, kind, says in refused:
        with pytest.raises(kind, match=says):
            call()
