"""Texts in blocks, and pieces of work that several processes share: here threads, each with a group of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from charlstm.checkpoint import ModelFile, save_model_file
from charlstm.config import ModelConfig, SampleConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.distributed import sharing
from charlstm.distributed.group import Group
from charlstm.distributed.sharing import Check, in_order
from charlstm.errors import TextError
from charlstm.network.model import CharLM
from charlstm.sample import Texts, blocks, generate, in_blocks

VOCABULARY = Vocabulary("\nabcdeé")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> CharLM:
    monkeypatch.setattr(blocks, "STREAMS", 4)
    model = CharLM(ModelConfig(vocab_size=len(VOCABULARY), hidden_size=12, num_layers=2, embedding_size=5))
    model.reset_parameters(0, 3)
    with torch.no_grad():
        model.head.weight.mul_(20)
    return model


def texts(model: CharLM, num: int, *prompts: str, **settings: Any) -> list[str]:
    config = SampleConfig(**{"length": 20, "seed": 1, "num": num, **settings})
    known = [VOCABULARY.encode(prompt) for prompt in prompts or ("ab",)]
    return list(in_blocks(model, VOCABULARY, known, config, opening="a"))


def test_one_block_is_what_generate_draws(model: CharLM) -> None:
    config = SampleConfig(length=20, seed=1, num=4)
    drawn = [""] * 4
    for d in generate(model, VOCABULARY, VOCABULARY.encode("ab"), config, opening="a"):
        drawn[d.stream] += d.text
    assert texts(model, 4) == drawn


def test_a_text_of_a_later_block_depends_on_its_number_alone(model: CharLM) -> None:
    many = texts(model, 30)
    assert len(set(many)) == 30
    assert texts(model, 13) == many[:13]
    assert texts(model, 9, "c", "ab") == texts(model, 9, "c") + many[:9]


def test_the_seeds_of_all_blocks_and_draws_differ_in_what_the_generator_takes() -> None:
    made = Texts(
        CharLM(ModelConfig(vocab_size=7)), VOCABULARY, [VOCABULARY.encode("a")], SampleConfig(num=10**7, seed=5),
        opening="a",
    )  # fmt: skip
    seeds = [blocks.seed_after(made.block(k).seed, n) % 2**32 for k in range(len(made)) for n in range(blocks.ATTEMPTS)]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("settings", [{}, {"stop": "ab"}, {"match": "[abc]+é?"}])
def test_threads_change_nothing(model: CharLM, settings: dict[str, str]) -> None:
    alone = texts(model, 30, **settings)
    torch.set_num_threads(3)
    assert texts(model, 30, **settings) == alone


def test_a_long_prompt_is_read_once_for_all_blocks(model: CharLM, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    before = blocks.read_prompts
    monkeypatch.setattr(blocks, "read_prompts", lambda *a: read.append(len(a[1])) or before(*a))
    texts(model, 20, "abc", "d")
    assert read == [1, 1]


class Member(Group):
    """One of several that share a store."""

    def __init__(self, rank: int, size: int, store: dist.Store) -> None:
        self.rank, self.size, self.store = rank, size, store


def shared(size: int, take: Callable[[Group], Any]) -> list[Any]:
    """What each member of a group comes to; an exception is what it came to."""
    store, found = dist.HashStore(), [None] * size

    def member(rank: int) -> None:
        try:
            found[rank] = take(Member(rank, size, store))
        except Exception as e:
            found[rank] = e  # type: ignore[call-overload]

    threads = [threading.Thread(target=member, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return found


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "TURN_S", 0.01)
    monkeypatch.setattr(sharing, "ASK_S", 0.001)


@pytest.mark.parametrize("size", [2, 3])
def test_pieces_come_in_order_and_each_is_done_by_one(size: int) -> None:
    monkey = "é" * 2_000_000  # more than the store takes at once
    did: dict[int, int] = {}

    def take(group: Group) -> list[Any]:
        def work(k: int, check: Check) -> Any:
            did[k] = group.rank
            return [k, monkey[: 2_000_000 if k == 1 else k]]

        return list(in_order(group, 11, work, threads=1 + group.rank))

    first, *others = shared(size, take)
    assert [k for k, _ in first] == list(range(11))
    assert [len(text) for _, text in first] == [0, 2_000_000, *range(2, 11)]
    assert others == [[]] * (size - 1)
    assert did == {k: k % size for k in range(11)}


def test_an_error_comes_after_what_is_before_it_and_is_said_by_the_first() -> None:
    given_out: list[int] = []

    def take(group: Group) -> None:
        def work(k: int, check: Check) -> int:
            if k == 3:
                raise TextError("a bad text", "prompt")
            return k

        given_out.extend(in_order(group, 9, work))

    first, other = shared(2, take)
    assert isinstance(first, TextError)
    assert (str(first), first.settings, other) == ("a bad text", ("prompt",), None)
    assert given_out == [0, 1, 2]


def test_others_end_when_nobody_reads_any_more() -> None:
    begun = threading.Event()

    def take(group: Group) -> str:
        def work(k: int, check: Check) -> int:
            while k == 1:  # would never end
                begun.set()
                check()
            return k

        pieces = in_order(group, 9, work)
        if group.is_first:
            next(pieces)
            assert begun.wait(30)
            pieces.close()  # type: ignore[attr-defined]
        return f"{list(pieces)}"

    assert shared(2, take) == ["[]", "[]"]


def test_a_process_that_gives_no_sign_of_life_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LOST_S", 0.1)
    pieces = in_order(Member(0, 2, dist.HashStore()), 4, lambda k, check: k)
    assert next(pieces) == 0
    with pytest.raises(sharing.LostProcessError, match="process 1 of 2 has not answered"):
        next(pieces)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="starts processes by torchrun")
def test_two_processes_write_what_one_does(tmp_path: Path) -> None:
    model = CharLM(ModelConfig(vocab_size=len(VOCABULARY), hidden_size=12, num_layers=1, embedding_size=5))
    model.reset_parameters(0, 3)
    save_model_file(tmp_path / "m.safetensors", ModelFile(model, VOCABULARY, {"opening": "a"}))
    command = ["-m", "charlstm", "sample", "-c", "m.safetensors", "-n", "9", "--num", "300", "--seed", "1", "--json"]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--", *command[1:]]
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    outputs = [
        subprocess.run(
            [sys.executable, *arguments, "--prompt", "-"],
            cwd=tmp_path, env=environment, input=b"ab", capture_output=True, timeout=300, check=True,
        ).stdout
        for arguments in (command, launcher)
    ]  # fmt: skip
    assert outputs[0].count(b"\n") == 300
    assert outputs[0] == outputs[1]
