"""Sentences made by rule in prose: the prose stays, the share is kept, and they stand where sentences end."""

import json
import random
from itertools import count, pairwise
from pathlib import Path

import pytest
from conftest import Invoke

from charlstm.grammar.mixing import mix

PROSE = [
    'The old road went down to the river. Mrs. Brown said: "We are late. Nobody will wait!" Then they walked home.',
    "",
    "It was raining. Every window was dark. Somebody laughed. The wind never stopped. They waited.",
    "",
] * 60


def made() -> list[str]:
    return list(mix(PROSE, (f"<{k}>." for k in count()), 0.2, random.Random(1)))


def without(line: str) -> str:
    return " ".join(word for word in line.split(" ") if not word.startswith("<"))


def test_the_prose_stays_as_it_is() -> None:
    lines = [line.rstrip("\n") for line in made()]
    assert all(line.endswith("\n") for line in made())
    kept = [without(line) for line in lines if not line.startswith("<")]
    assert [line for line in kept if line] == [line for line in PROSE if line]
    assert any(line.startswith("<") for line in lines), "some are paragraphs of their own"


def test_sentences_come_in_their_order_where_others_end_and_in_no_quotation() -> None:
    text = "".join(made())
    numbers = [int(word[1:-2]) for word in text.split() if word.startswith("<")]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 100
    words = text.replace("\n", " \n ").split(" ")
    for before, word in pairwise(words):
        if word.startswith("<") and before not in ("", "\n"):
            assert before.endswith((".", '!"')), before
    assert "Mrs. <" not in text
    assert "late. <" not in text


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_they_take_their_share(share: float) -> None:
    lines = "".join(mix(PROSE * 4, iter(lambda: "Nobody knows that they are here now.", ""), share, random.Random(2)))
    taken = len("Nobody knows that they are here now.") * lines.count("Nobody knows") / len(lines)
    assert share - 0.02 < taken < share + 0.02


def test_the_command_mixes(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "prose.txt").write_text("\n".join(PROSE) + "\n", encoding="utf-8")
    done = invoke("corpus", "agreement-pt", "--into", "prose.txt", "--out", "mixed.txt", "--json")
    assert done.code == 0, done.err
    text = (tmp_path / "mixed.txt").read_text(encoding="utf-8")
    assert json.loads(done.out)["characters"] == len(text)
    prose = sum(map(len, PROSE)) + len(PROSE)
    assert 0.17 < 1 - prose / len(text) < 0.23
    again = invoke("corpus", "agreement-pt", "--into", "prose.txt", "--seed", 1).out
    assert again != text == invoke("corpus", "agreement-pt", "--into", "prose.txt", "--seed", 0).out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("agreement-en-cs", "--into", "prose.txt"),
            2,
            "has no sentences to mix into prose; take one of agreement-pt",
        ),
        (("agreement-pt", "--into", "prose.txt", "--chars", 100), 2, "give only one of --chars, --into"),
        (("agreement-pt", "--share", 0.3), 2, "--share needs --into"),
        (("agreement-pt", "--into", "prose.txt", "--share", "nan"), 2, "--share"),
        (("agreement-pt", "--into", "nowhere.txt"), 3, "nowhere.txt"),
    ],
)
def test_what_cannot_be_mixed_is_said(
    invoke: Invoke, tmp_path: Path, arguments: tuple[object, ...], code: int, said: str
) -> None:
    (tmp_path / "prose.txt").write_text("\n".join(PROSE), encoding="utf-8")
    done = invoke("corpus", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said.lower() in " ".join(done.err.split()).lower()
