"""No file is trusted: what is not sound is one line and an exit code, quickly, in bounded memory, and runs nothing.

`make soak` reads 20,000 mutants of a model file and 5,000 generated texts instead of 500 and 100.
"""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from attacks.model_files import ATTACKS, put, rewritten
from attacks.runs import STATES, put_at
from attacks.texts import READ, REFUSED
from conftest import small_text
from forked import finish, fork
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from charlstm import checkpoint
from charlstm.checkpoint import ModelFile, load_model_file, save_model_file
from charlstm.config import ModelConfig
from charlstm.corpus import CorpusRequest, open_corpus
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import ModelFileError, TextError
from charlstm.files.cache import cache_folder
from charlstm.network.model import CharLM

SOAK = bool(os.environ.get("SOAK"))
MUTANTS, TEXTS = (20_000, 5_000) if SOAK else (500, 100)
SLACK = 24 << 20  # bytes: what a small file may take beyond twice its size
HANGS_S = 2.0


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "model.safetensors"
    model = CharLM(ModelConfig(vocab_size=4, hidden_size=3, num_layers=2, embedding_size=2))
    model.reset_parameters(10, 0)
    save_model_file(path, ModelFile(model, Vocabulary('a"\\é'), {"step": 3}))
    return path


def test_the_kit_itself_makes_sound_files(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "again"
    path.write_bytes(rewritten(sound.read_bytes()))
    assert load_model_file(path).training == {"step": 3}


on_linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measures memory as Linux tells it")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_unsound_model_is_one_line_and_exit_4(invoke, sound: Path, attack: str) -> None:
    make, expected = ATTACKS[attack]
    Path("evil.safetensors").write_bytes(make(sound.read_bytes()))
    began = time.process_time()
    result = invoke("sample", "--checkpoint", "evil.safetensors", "-n", 1)
    assert time.process_time() - began < HANGS_S
    assert result.code == 4
    assert result.out == ""
    assert result.err.startswith("error: evil.safetensors: ")
    assert expected in result.err
    assert result.err.count("\n") == 1
    assert result.err.rstrip("\n").isprintable()
    assert len(result.err) < 500


def read_each(folder: Path) -> None:
    """In a forked process: read every file of a folder; fails where one is read, takes long, or takes much memory."""
    for path in sorted(folder.iterdir()):
        idle, began = fresh_peak_bytes(), time.process_time()
        try:
            load_model_file(path)
        except ModelFileError:
            pass
        else:
            raise AssertionError(f"{path} was read")
        assert time.process_time() - began < HANGS_S, path
        taken = peak_bytes() - idle
        assert taken <= 2 * path.stat().st_size + SLACK, (path, taken)


def fresh_peak_bytes() -> int:
    """The memory of this process, its peak being forgotten."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


def peak_bytes() -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


@on_linux
def test_attacks_take_little_memory(sound: Path, tmp_path: Path) -> None:
    for k, (make, _) in enumerate(ATTACKS.values()):
        (tmp_path / f"{k}.safetensors").write_bytes(make(sound.read_bytes()))
    assert finish(fork(read_each, tmp_path)) == 0


def test_a_model_larger_than_memory_is_refused(tmp_path: Path, sound: Path) -> None:
    path = tmp_path / "sparse.safetensors"
    path.write_bytes(sound.read_bytes())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    os.truncate(path, memory)
    with pytest.raises(ModelFileError, match=f"{memory / 1e9:,.1f} GB, more than half of this machine's memory"):
        load_model_file(path)


def test_what_is_no_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(ModelFileError, match="not a file"):
            load_model_file(path)


AUDIT = """
import sys
from pathlib import Path
from charlstm.checkpoint import load_model_file
from charlstm.errors import ModelFileError
sound, *evil = map(Path, sys.argv[1:])
load_model_file(sound)  # what is imported for a sound one is imported
seen = []
watched = ("import", "exec", "compile", "subprocess", "os.", "ctypes", "socket", "shutil", "pickle", "open", "mmap")
sys.addaudithook(lambda event, args: seen.append((event, args)) if event.startswith(watched) else None)
for path in evil:
    try:
        load_model_file(path)
    except ModelFileError:
        pass
    else:
        print("read:", path)
    odd = [(e, a) for e, a in seen if not (e == "open" and a[0] == str(path) and a[2] & 3 == 0)]  # to read it
    if odd:
        print(path.name, odd)
    seen.clear()
print("files", len(evil))
"""


def test_reading_runs_nothing_and_opens_nothing_else(sound: Path, tmp_path: Path) -> None:
    for k, (make, _) in enumerate(ATTACKS.values()):
        (tmp_path / f"{k}.safetensors").write_bytes(make(sound.read_bytes()))
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, sound, *tmp_path.iterdir()], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"files {len(ATTACKS)}\n", "")


def mutant(raw: bytes, chance: random.Random) -> bytes:
    """A file with a few bits turned, bytes put in, taken out or repeated, or pieces of itself elsewhere."""
    data = bytearray(raw)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        match chance.randrange(6):
            case 0 | 1:
                data[at % len(data)] ^= 1 << chance.randrange(8)
            case 2:
                del data[at:]
            case 3:
                del data[at : at + chance.randrange(1, 40)]
            case 4:
                data[at:at] = data[end : end + chance.randrange(1, 40)] or b"\0"
            case _:
                data[chance.randrange(8) % len(data)] = chance.randrange(256)  # the length of the header
        if not data:
            break
    return bytes(data)


@on_linux
def test_no_mutant_is_read(sound: Path, tmp_path: Path) -> None:
    raw, chance = sound.read_bytes(), random.Random(0)
    path = tmp_path / "mutant.safetensors"
    same = 0
    idle = fresh_peak_bytes()
    for _ in range(MUTANTS):
        data = mutant(raw, chance)
        if data == raw:  # a bit turned back
            same += 1
            continue
        path.write_bytes(data)
        began = time.process_time()
        with pytest.raises(ModelFileError):
            load_model_file(path)
        assert time.process_time() - began < HANGS_S
    assert same < MUTANTS / 100
    assert peak_bytes() - idle < SLACK


@pytest.mark.parametrize("name", REFUSED)
def test_an_unsound_text_is_one_line_and_exit_3(invoke, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    make, expected = REFUSED[name]
    if name == "unreadable" and os.geteuid() == 0:
        pytest.skip("nothing is closed to root")
    path = make(tmp_path_factory.mktemp("text"))
    result = invoke("train", path, "--steps", 1, "--hidden-size", 4)
    assert result.code == 3
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert expected in result.err
    assert result.err.count("\n") == 1
    assert not Path("checkpoints").exists()


@pytest.mark.parametrize("name", READ)
def test_an_odd_text_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    path = READ[name](tmp_path)
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    corpus = open_corpus(CorpusRequest((str(path),), valid_fraction=0.3))
    decode = corpus.vocabulary.decode
    assert decode(corpus.train) + decode(corpus.valid) == unicodedata.normalize("NFC", text.replace("\r\n", "\n"))


@settings(max_examples=TEXTS, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_as_they_are_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "text.txt"
    path.write_bytes(data)
    try:
        corpus = open_corpus(CorpusRequest((str(path),)))
    except TextError as e:
        refusal = str(e)
    else:
        refusal = ""
    if refusal:
        assert str(path) in refusal or "one distinct character" in refusal
        return
    text = unicodedata.normalize("NFC", data.decode().removeprefix("\ufeff").replace("\r\n", "\n"))
    assert corpus.vocabulary.decode(corpus.train) + corpus.vocabulary.decode(corpus.valid) == text


def test_a_corpus_that_vanishes_or_grows_does_not_disturb_its_training(invoke, corpus_file: Path) -> None:
    small = ("--hidden-size", 4, "--threads", 1, "-q")
    assert invoke("train", corpus_file, "--steps", 6, "--out", "whole", *small).code == 0
    assert invoke("train", corpus_file, "--steps", 3, "--out", "part", *small).code == 0
    with open(corpus_file, "a") as f:
        f.write("more")
    assert invoke("train", "--resume", "part", "--steps", 6, "-q").code == 0  # from the encoded copy
    changed = invoke("train", corpus_file, "--resume", "part", "--steps", 9, "-q")
    assert changed.code == 3
    assert "has changed since the run began" in changed.err
    corpus_file.unlink()
    assert invoke("train", "--resume", "part", "--steps", 8, "-q").code == 0


def test_a_damaged_encoded_copy_is_made_again(tmp_path: Path, corpus_file: Path) -> None:
    first = open_corpus(CorpusRequest((str(corpus_file),)))
    store = cache_folder("corpora") / first.sha256
    train, valid = first.train.copy(), first.valid.copy()
    about = json.loads((store / "corpus.json").read_text())
    for spoil in (
        lambda: os.truncate(store / "train.ids", 10),
        lambda: (store / "corpus.json").write_text("{"),
        lambda: (store / "corpus.json").write_text(json.dumps({**about, "vocabulary": "ab"})),
        lambda: (store / "valid.ids").unlink(),
    ):
        spoil()
        again = open_corpus(CorpusRequest((str(corpus_file),)))
        assert (again.train == train).all()
        assert (again.valid == valid).all()


def test_what_a_killed_encoding_left_is_removed_a_day_later(corpus_file: Path) -> None:
    store = cache_folder("corpora") / open_corpus(CorpusRequest((str(corpus_file),))).sha256
    old, new = store.parent / "new-old", store.parent / "new-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "appearance.ids").write_bytes(b"x" * 1000)
    os.utime(old, (time.time() - 1e5, time.time() - 1e5))
    open_corpus(CorpusRequest((str(corpus_file),)))
    assert not old.exists()
    assert new.exists()
    shutil.rmtree(new)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps that has stopped after two, with its corpus."""
    from charlstm.cli.main import run

    folder = tmp_path_factory.mktemp("run")
    (folder / "text.txt").write_text(small_text(3_000), encoding="utf-8")
    size = "--hidden-size 4 --embedding-size 2 --batch-size 4 --seq-len 8 --threads 1 --precision fp32 -q"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CHARLSTM_CACHE_DIR", str(folder / "cache"))
        for steps in ("--steps 2 --out", "--steps 4 --resume"):
            size = size if "out" in steps else "-q"
            patch.setattr(sys, "argv", f"charlstm train {'text.txt' * ('out' in steps)} {steps} run {size}".split())
            assert run() == 0
    return folder / "run"


@pytest.mark.parametrize("state", STATES)
def test_an_unsound_state_is_one_line_and_exit_4(invoke, run_folder: Path, state: str) -> None:
    path, value = STATES[state]
    shutil.copytree(run_folder, "run")
    Path("run/previous.safetensors").unlink(missing_ok=True)
    Path("text.txt").write_text(small_text(3_000), encoding="utf-8")
    last = Path("run/last.safetensors")
    evil = rewritten(last.read_bytes(), about=lambda about: put_at(path, value, about))
    last.write_bytes(evil)
    result = invoke("train", "text.txt", "--resume", "run", "--steps", 6, "-q")
    assert result.code == 4, result.err
    assert result.err.count("\n") == 1
    assert result.err.rstrip("\n").isprintable()
    assert last.read_bytes() == evil
    for arguments in (("info", "run"), ("info", "run", "--json"), ("sample", "-c", "run", "-n", 2, "-q")):
        result = invoke(*arguments)
        assert result.code in (0, 4)
        assert "should not happen" not in result.err


@pytest.mark.parametrize("value", ["1e999", "9" * 1000, '"\\u001b[2J"', "[1]", "NaN", "null"])
@pytest.mark.parametrize(
    "name", ["epoch", "best_valid_nats", "step", "characters_learnt", "valid_history", "environment"]
)
def test_info_of_a_strange_training_is_sound_or_one_line(invoke, sound: Path, name: str, value: str) -> None:
    def about(d: dict) -> str:
        return json.dumps({**d, "training": {"step": 3, "epoch": 1.0, name: "@"}}, sort_keys=True).replace('"@"', value)

    Path("evil").mkdir()
    Path("evil/best.safetensors").write_bytes(rewritten(sound.read_bytes(), about=about))
    Path("evil/metrics.jsonl").write_text(f'{{"event": "evaluated", "step": {value}}}\n{"[" * 10_000}\n{value}\n')
    for more in ((), ("--json",)):
        result = invoke("info", "evil", *more)
        assert result.code in (0, 4)
        assert "should not happen" not in result.err
        assert result.err.count("\n") <= 1


def test_a_setting_of_a_megabyte_is_told_in_short(invoke, sound: Path) -> None:
    about = put("config", {"cell_type": "x" * 1_000_000, "vocab_size": 4})
    Path("evil.safetensors").write_bytes(rewritten(sound.read_bytes(), about=about))
    result = invoke("info", "evil.safetensors")
    assert result.code == 4
    assert len(result.err) < 500


def test_names_that_are_too_long(invoke, corpus_file: Path) -> None:
    assert invoke("train", "--resume", "a" * 5000).code == 4
    result = invoke("train", corpus_file, "--out", "a" * 5000)
    assert result.code == 2
    assert "too long" in result.err


def test_only_a_run_is_gone_on_with(invoke) -> None:
    Path("other").mkdir()
    Path("other/notes.txt").write_text("mine")
    for name in ("other", "other/notes.txt"):
        result = invoke("train", "--resume", name)
        assert result.code == 4
        assert "not the folder of a run" in result.err
    assert [path.name for path in Path("other").iterdir()] == ["notes.txt"]


def test_many_files_do_not_swell_the_state(invoke) -> None:
    Path("texts").mkdir()
    for k in range(900):
        Path(f"texts/{'long' * 40}{k}.txt").write_text(small_text(50, k), encoding="utf-8")
    files = sorted(Path("texts").iterdir())
    assert invoke("train", *files, "--steps", 2, "--hidden-size", 4, "--threads", 1, "--out", "run", "-q").code == 0
    assert Path("run/last.safetensors").stat().st_size < 100_000
    assert invoke("train", "--resume", "run", "--steps", 3, "-q").code == 0


def test_a_training_whose_end_cannot_be_saved_says_so(invoke, corpus_file: Path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    real = checkpoint.write_run_config

    def then_full(folder: Path, config: dict) -> None:
        real(folder, config)
        monkeypatch.setattr(os, "fsync", full)

    monkeypatch.setattr(checkpoint, "write_run_config", then_full)
    result = invoke("train", corpus_file, "--steps", 2, "--hidden-size", 4, "--threads", 1, "-q")
    assert result.code == 1
    assert "its last steps are not saved: cannot write" in result.err
    assert "No space left" in result.err
