"""charlstm from Python: what it offers, what it gives back, what it refuses and how it says so."""

import inspect
import itertools
import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Invoke, small_text
from planted import Planted, ordinary_lines, toy_pairs, write_pairs

import charlstm
from charlstm import api, checkpoint, interrupts
from charlstm.config import ModelConfig, TrainConfig
from charlstm.errors import ModelFileError, TextError, UnknownCharacterError, UsageError
from charlstm.evaluate import Score
from charlstm.report import bars
from charlstm.settings import settings_of
from charlstm.training import running, validation

SMALL: dict[str, Any] = {
    "hidden_size": 12, "embedding_size": 6, "num_layers": 2, "batch_size": 4, "seq_len": 16, "evaluations": 4,
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(place: Path, corpus_file: Path) -> charlstm.LanguageModel:
    return charlstm.train(corpus_file, out="run", steps=8, **SMALL)


def test_what_there_is_can_be_found_without_loading_torch() -> None:
    code = (
        "import sys, charlstm; names = dir(charlstm)\n"
        "assert {'load', 'train', 'LanguageModel', 'CharLSTMError', 'errors', '__version__'} <= set(names), names\n"
        "assert not {'annotations', 'Any'} & set(names), names\n"
        "assert 'torch' not in sys.modules\n"
        "import charlstm.training.trainer; assert callable(charlstm.train)\n"
        "assert all(hasattr(charlstm, name) for name in names)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


# training


def test_training_gives_the_best_model_of_its_run(model: charlstm.LanguageModel, place: Path) -> None:
    assert model.folder == Path("run")
    assert model.path == Path("run/best.safetensors")
    assert (model.model.config.hidden_size, model.model.config.num_layers) == (12, 2)
    content = checkpoint.load_model_file(place / "run" / "best.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(content.model.parameters(), model.model.parameters(), strict=True))


def test_python_and_the_command_line_train_the_same(
    invoke: Invoke, model: charlstm.LanguageModel, corpus_file: Path
) -> None:
    options = [part for name, value in SMALL.items() for part in (f"--{name.replace('_', '-')}", value)]
    assert invoke("train", corpus_file, "--steps", 8, *options, "--out", "other", "-q").code == 0
    for name in ("best.safetensors", "last.safetensors", "metrics.jsonl", "config.json"):
        ours, theirs = ((Path(run) / name).read_bytes() for run in ("run", "other"))
        seconds = re.compile(rb'"(seconds|chars_per_s)": [0-9.e+-]+')
        assert seconds.sub(b"", ours) == seconds.sub(b"", theirs), name


def test_a_text_a_list_and_a_folder_are_trained_on(place: Path, corpus_file: Path) -> None:
    text = corpus_file.read_text()
    of_text = charlstm.train(text=text, steps=3, **SMALL)
    assert of_text.folder == Path("checkpoints/text")
    for number, files in enumerate((str(corpus_file), [corpus_file], [str(corpus_file)], str(place / "*.txt"))):
        model = charlstm.train(files, out=f"run-{number}", steps=3, **SMALL)
        assert model.score("badegilo") == of_text.score("badegilo")
    (place / "folder").mkdir()
    (place / "folder" / "a.txt").write_text(text)
    assert charlstm.train(place / "folder", steps=3, **SMALL).folder == Path("checkpoints/folder")
    other = charlstm.train(corpus_file, valid=[place / "folder"], out="v", steps=3, **SMALL)
    assert other.training["corpus_characters"] == 2 * len(text)


def test_settings_are_those_of_the_command_line() -> None:
    known = {*settings_of(ModelConfig), *settings_of(TrainConfig)}
    assert known <= set(inspect.signature(charlstm.train).parameters)
    about = inspect.getdoc(charlstm.train)
    assert about is not None
    flat = " ".join(about.split())
    for kind in (ModelConfig, TrainConfig):
        for name, setting in settings_of(kind).items():
            assert f"{name}: {setting.help}" in flat


def test_numbers_of_numpy_and_words_for_times_are_understood(place: Path) -> None:
    settings = {**SMALL, "hidden_size": np.int64(12)}
    model = charlstm.train(text=small_text(3000), time="0.2s", lr=np.float32(0.01), dropout=None, **settings)
    assert model.training["config"]["time"] == 0.2
    assert model.training["config"]["lr"] == pytest.approx(0.01)


def test_a_run_goes_on(model: charlstm.LanguageModel) -> None:
    with pytest.warns(RuntimeWarning, match=r"has used its budget; to go on, give larger `steps`") as warned:
        again = charlstm.train(resume=model.folder)
    assert warned[0].filename == __file__  # where a person looks
    assert again.score("badegilo") == model.score("badegilo")
    longer = charlstm.train(resume="run", steps=12, patience=3)
    assert longer.training["config"]["steps"] == 12
    for wrong in ({"seed": 3}, {"out": "x"}, {"valid": "small.txt"}, {"normalize": False}, {"encoding": "latin-1"}):
        with pytest.raises(UsageError, match=f"only the budget may change, not `{next(iter(wrong))}`"):
            charlstm.train(resume="run", **wrong)


def test_a_run_of_a_text_goes_on_with_the_text_given_again(
    place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = small_text(3000)
    folder = charlstm.train(text=text, steps=3, **SMALL).folder
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path_factory.mktemp("empty")))
    with pytest.raises(TextError, match="give the text again, together with `resume`"):
        charlstm.train(resume=folder, steps=5)
    with pytest.raises(TextError, match="has changed"):
        charlstm.train(resume=folder, text=text + "x", steps=5)
    assert charlstm.train(resume=folder, text=text, steps=5).training["config"]["steps"] == 5


def test_ctrl_c_saves_and_says_how_to_go_on(place: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    kept = running.Trainer._step

    def step(self: Any) -> Any:
        if self.progress.step == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return kept(self)

    monkeypatch.setattr(running.Trainer, "_step", step)
    how = r"stopped at step 4 and saved; go on with charlstm.train\(resume='run'\)"
    with pytest.raises(KeyboardInterrupt, match=how):
        charlstm.train(corpus_file, out="run", steps=20, **SMALL)
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.setattr(running.Trainer, "_step", kept)
    went_on = charlstm.train(resume="run")
    at_once = charlstm.train(corpus_file, out="at once", steps=20, **SMALL)
    assert went_on.score(small_text(500)) == at_once.score(small_text(500))


def test_a_second_ctrl_c_stops_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts.ctrl_c_waits() as came:
        assert not came()
        os.kill(os.getpid(), signal.SIGINT)
        assert came()
        os.kill(os.getpid(), signal.SIGINT)


def test_a_thread_can_train(place: Path, corpus_file: Path) -> None:
    made: list[charlstm.LanguageModel] = []
    thread = threading.Thread(target=lambda: made.append(charlstm.train(corpus_file, steps=3, **SMALL)))
    thread.start()
    thread.join()
    assert made[0].folder is not None


def test_threads_are_given_back(place: Path, corpus_file: Path) -> None:
    charlstm.train(corpus_file, steps=2, threads=2, **SMALL)
    assert torch.get_num_threads() == 1


def test_a_bar_is_shown_to_whoever_looks(
    place: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    charlstm.train(corpus_file, steps=3, **SMALL)
    assert capsys.readouterr() == ("", "")
    charlstm.train(corpus_file, steps=3, progress=True, **SMALL)
    shown = capsys.readouterr().err
    assert "100%" in shown
    assert "valid" in shown
    monkeypatch.setattr(bars, "in_notebook", lambda: True)  # without a kernel, tqdm draws its bar of text
    charlstm.train(corpus_file, steps=3, **SMALL)
    assert "100%" in capsys.readouterr().err
    charlstm.train(corpus_file, steps=3, progress=False, **SMALL)
    assert capsys.readouterr().err == ""


def test_what_cannot_be_kept_is_a_warning(place: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, event: Any) -> None:
        raise charlstm.CharLSTMError("cannot write metrics.jsonl: No space left on device")

    monkeypatch.setattr(checkpoint.Metrics, "add", fail)
    with pytest.warns(RuntimeWarning, match="No space left on device; training goes on"):
        charlstm.train(corpus_file, steps=3, **SMALL)


def test_a_training_that_goes_back_says_so_as_the_command_does(
    place: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, scores = validation.score_stream, itertools.count(1)

    def score(*args: Any, **kwargs: Any) -> Score:
        return Score(math.nan, 100) if next(scores) == 2 else sound(*args, **kwargs)

    monkeypatch.setattr(validation, "score_stream", score)
    expected = "step 4: the loss is infinite or undefined; back to step 2, with the learning rate times 0.5"
    with pytest.warns(RuntimeWarning, match=expected):
        charlstm.train(corpus_file, steps=6, **{**SMALL, "evaluations": 3})


# what is given back


def test_a_model_says_what_it_is(model: charlstm.LanguageModel, place: Path) -> None:
    bits = model.training["best_valid_nats"] / math.log(2)
    size = sum(part.numel() for part in model.model.parameters())
    assert repr(model) == (
        f"<LanguageModel 'run/best.safetensors': lstm, 2 layers of 12 cells, {size:,} parameters, "
        f"{len(model.vocabulary)} characters, {bits:.3f} bits/char on its validation text>"
    )
    assert model.folder == Path("run")
    model.save(place / "copy.safetensors", language="pt")
    copy = charlstm.load(place / "copy.safetensors")
    assert copy.folder is None
    assert "Portuguese" in repr(copy)
    assert repr(charlstm.LanguageModel(copy.content)).startswith("<LanguageModel: lstm")


def test_a_score_says_what_it_is(model: charlstm.LanguageModel) -> None:
    score = model.score("badegilo")
    bits, nats = score.bits_per_char, score.nats_per_char
    assert repr(score) == f"<Score: {bits:.4f} bits/char, {nats:.4f} nats/char, over 7 characters>"


def test_each_prompt_gets_what_generate_gives_it(model: charlstm.LanguageModel) -> None:
    prompts = ["ba", "", "degi", "ña"]
    each = model.generate_each(prompts, 20, num=2, seed=5)
    found = [next(each), *each]
    alone = [sample for prompt in prompts for sample in model.generate(prompt, 20, num=2, seed=5)]
    assert found == alone
    assert [(s.prompt, s.seed) for s in found] == [(s.prompt, s.seed) for s in alone]
    assert len({s.seed for s in model.generate_each(iter(prompts), 1)}) == 1
    assert list(model.generate_each([], 20)) == []


def test_samples_match_a_pattern(model: charlstm.LanguageModel) -> None:
    for sample in [
        *model.generate("ba", 9, num=4, match="[a-z]{2,}( [a-z]+)?,", seed=1),
        *model.generate_each(["ba", "de"], 9, match="[a-z]{2,}( [a-z]+)?,", seed=1),
        "".join(model.stream("ba", 9, match="[a-z]{2,}( [a-z]+)?,", seed=1)),
    ]:
        assert re.fullmatch("[a-z]{2,}( [a-z]+)?,", sample)
    sample = model.generate("ba", match="de", seed=1)
    assert len(sample.allowed_logprobs) == len(sample.logprobs) == 2
    assert sample.allowed_logprobs == pytest.approx(sample.logprobs)  # nothing else was possible
    assert set(model.generate("ba", 5, seed=1).allowed_logprobs) == {0.0}
    assert model.generate("ba", match="n\u0303a") == "ña"


def test_a_stream_is_the_text(model: charlstm.LanguageModel) -> None:
    for how in ({}, {"temperature": 0.0}, {"stop": "a"}, {"top_k": 3, "top_p": 0.9}):
        text = model.generate("ba", 40, seed=5, **how)
        stream = model.stream("ba", 40, seed=5, **how)
        characters = list(stream)
        assert "".join(characters) == text
        assert all(len(character) == 1 for character in characters)
    with pytest.raises(UsageError, match="temperature is -1"):
        model.stream("ba", temperature=-1)  # before a character is asked for


def test_several_texts_are_a_list(model: charlstm.LanguageModel) -> None:
    one, (alone,), three = (model.generate("ba", 20, num=n, seed=5) for n in (None, 1, 3))
    assert isinstance(one, str)
    assert one == alone
    assert len({*three}) == 3
    assert all(len(text) == 20 for text in three)


def test_a_sample_is_a_string_that_knows_how_it_was_made(model: charlstm.LanguageModel) -> None:
    sample = model.generate("ba", 30)
    again = model.generate("ba", 30, seed=sample.seed)
    assert (again, again.logprobs) == (sample, sample.logprobs)
    assert f"{sample}" == str(sample) == "".join(sample)
    assert type(str(sample)) is str
    assert len(sample.logprobs) == 30
    assert model.score(" " + "ba" + sample).characters == 32
    mean = -sum(sample.logprobs) / 30 / math.log(2)
    assert sample.bits_per_char == pytest.approx(mean)
    shown = repr(sample)
    assert shown.startswith(f"<Sample of 30 characters after 'ba', seed {sample.seed}, {mean:.2f} bits/char: '")
    copy = pickle.loads(pickle.dumps(sample))
    assert (copy, copy.seed, copy.prompt, copy.logprobs) == (sample, sample.seed, "ba", sample.logprobs)
    assert math.isnan(model.generate("ba", 0).bits_per_char)


def test_a_walk_is_what_the_command_shows(model: charlstm.LanguageModel, invoke: Invoke) -> None:
    walk = model.explain("bade gilo", cell=(2, 7), warm="ba")
    done = invoke("explain", "bade gilo", "-c", "run", "--cell", "2:7", "--warm", "ba", "--json")
    shown = json.loads(done.out)
    ours = walk.to_dict()
    assert {name: shown[name] for name in ours} == ours
    assert model.explain("bade gilo", cell="2:7", warm="ba") == walk
    assert repr(walk).startswith("<Walk of cell 7 of layer 2 over 9 characters: ")
    longest = model.explain("bade gilo")  # no probe can be done: the cell that remembers longest
    assert 0 <= longest.cell < 12


def test_the_usual_cell_is_the_one_that_a_probe_found() -> None:
    walk = charlstm.load("portuguese").explain("A menina está cansada.")
    assert (walk.layer + 1, walk.cell) == (2, 73)


def html_is_sound(text: str) -> None:
    from html.parser import HTMLParser

    class Reader(HTMLParser):
        open: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            assert tag in ("div", "span", "p", "pre", "details", "summary"), tag
            assert {name for name, _ in attrs} <= {"style", "title"}, attrs
            self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []


HOSTILE = "<script>alert('1')</script> & \"x\" \x1b[31m <b>"


def test_what_a_notebook_shows_is_escaped(place: Path) -> None:
    text = (HOSTILE + small_text(30)) * 60
    model = charlstm.train(text=text, steps=3, **SMALL)
    sample = model.generate(HOSTILE, 200, temperature=0.5, seed=1)
    walk = model.explain(HOSTILE, cell="1:3")
    for shown in (sample._repr_html_(), walk._repr_html_()):
        assert shown is not None
        html_is_sound(shown)
        assert "<script" not in shown
        assert "&lt;" in shown
        assert "\x1b" not in shown
    assert "kept" in str(walk._repr_html_())


def test_a_probe_says_what_it_found(tmp_path: Path, invoke: Invoke) -> None:
    network = Planted()
    network.write(0, {"F": 0.9, "M": -0.9, "\n": 0.0})
    network.read(0, 4.0)
    path = network.save(tmp_path / "planted.safetensors")
    pairs = write_pairs(tmp_path / "pairs.jsonl", toy_pairs(lemmas=12))
    ordinary = tmp_path / "ordinary.txt"
    ordinary.write_text(ordinary_lines(), encoding="utf-8")
    model = charlstm.load(path)
    result = model.probe(pairs, text=ordinary, nulls=2, seed=1, cells=["1:5"])
    done = invoke(
        "probe", "-c", path, "--pairs", pairs, "--text", ordinary, "--nulls", 2, "--seed", 1, "--cell", "1:5", "--json"
    )
    shown = json.loads(done.out)
    ours = json.loads(json.dumps(result.to_dict()))
    assert {name: shown[name] for name in ours} == ours
    words = repr(result)
    assert words.startswith("<ProbeResult: Cell 0 of layer 1 ")
    assert re.search(r"It is right in 100\.0 % \[\d\d\.\d, 100\.0\] of 216 sentences; chance is 50 %\.", words)
    drawn = result._repr_html_()
    assert drawn is not None
    html_is_sound(drawn)
    assert "Cell 0 of layer 1" in drawn
    again = model.probe(toy_pairs(lemmas=12), text=ordinary, nulls=2, seed=1, cells=[(1, 5)])
    assert again.cells[0].candidate.place == (0, 0)
    with pytest.raises(TextError, match="warm: the model has never seen"):
        model.probe(toy_pairs(), warm="é", nulls=2)


# activations


def numpy_lstm(model: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
    """The equations again, in float64, from the weights alone."""

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    x = model.embedding.weight.detach().double().numpy()[ids]
    found: dict[str, list[np.ndarray]] = {letter: [] for letter in "ifgoch"}
    for k in range(model.config.num_layers):
        w_ih, w_hh, bias = (part.detach().double().numpy() for part in model.stack.layer(k))
        h = c = np.zeros(w_hh.shape[1])
        rows: dict[str, list[np.ndarray]] = {letter: [] for letter in "ifgoch"}
        for x_t in x:
            z_i, z_f, z_g, z_o = np.split(w_ih @ x_t + w_hh @ h + bias, 4)
            i, f, g, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)
            c = f * c + i * g
            h = o * np.tanh(c)
            for letter, value in {"i": i, "f": f, "g": g, "o": o, "c": c, "h": h}.items():
                rows[letter].append(value)
        for letter, values in rows.items():
            found[letter].append(np.stack(values))
        x = np.stack(rows["h"])
    return {letter: np.stack(layers, axis=1) for letter, layers in found.items()}  # (T, L, H)


def test_activations_are_what_the_equations_say(model: charlstm.LanguageModel) -> None:
    text = "bade gilo,\nvésibalo"
    found = model.activations(text)
    expected = numpy_lstm(model.model, model.vocabulary.encode(text))
    assert list(found) == list("figoch")
    assert found.shape == (len(text), 2, 12)
    assert (found.text, found.layers, len(found)) == (text, (1, 2), 6)
    for letter, array in found.items():
        assert array.dtype == np.float32
        assert array.shape == found.shape
        np.testing.assert_allclose(array, expected[letter], rtol=0, atol=2e-6)
    model.model.double()
    for letter, array in model.activations(text).items():
        assert array.dtype == np.float64
        np.testing.assert_allclose(array, expected[letter], rtol=0, atol=1e-13)


@pytest.mark.parametrize("cell_type", ["lstm", "gru", "rnn"])
def test_activations_are_what_explain_shows(place: Path, corpus_file: Path, cell_type: str) -> None:
    model = charlstm.train(corpus_file, steps=3, cell_type=cell_type, **SMALL)
    found = model.activations("bade gilo", warm="ba")
    for place_of in ((1, 0), (2, 7)):
        walk = model.explain("bade gilo", cell=place_of, warm="ba")
        assert list(walk.numbers) == list(found)
        for letter, values in walk.numbers.items():
            assert found[letter][:, place_of[0] - 1, place_of[1]].tolist() == values


def test_some_activations(model: charlstm.LanguageModel) -> None:
    every = model.activations("bade")
    some = model.activations("bade", gates="cf", layers=[2])
    assert (list(some), some.layers, some.shape) == (["f", "c"], (2,), (4, 1, 12))
    assert np.array_equal(some["c"][:, 0], every["c"][:, 1])
    assert model.activations("bade", layers=2).layers == (2,)
    assert repr(some) == ("<Activations over 4 characters, layer 2, 12 cells a layer: f (forget gate), c (cell state)>")
    assert some.nbytes == 2 * 4 * 12 * 4
    for gates, wrong in (("x", "'x'"), ("", "empty"), (["f", "f"], "twice"), (3, "3")):
        with pytest.raises(UsageError, match=f"`gates`.*{wrong}"):
            model.activations("bade", gates=gates)
    for layers, wrong in ([3], "3"), ([0], "0"), ([], "empty"), ([1, 1], "twice"), ("1", "'1'"):
        with pytest.raises(UsageError, match=f"`layers`.*{wrong}"):
            model.activations("bade", layers=layers)


def test_what_does_not_fit_into_memory_is_refused(
    model: charlstm.LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from charlstm.explain import activations

    assert activations.memory_bytes() > 1e8
    monkeypatch.setattr(activations, "memory_bytes", lambda: 2 * 6 * 4 * 2 * 12 * 4)
    assert len(model.activations("bade")) == 6
    with pytest.raises(TextError, match=r"of 5 characters take 0.0 GB.*; give a shorter text, or fewer `gates`"):
        model.activations("badeg")


# the command


def test_the_command_writes_a_file_that_numpy_reads(invoke: Invoke, model: charlstm.LanguageModel) -> None:
    done = invoke("activations", "bade gilo", "-c", "run", "-o", "x.npz")
    assert (done.code, done.out) == (0, "")
    assert "x.npz: f, i, g, o, c, h, each 9 characters x 2 layers x 12 cells; " in done.err
    with np.load("x.npz", allow_pickle=False) as found:
        assert set(found) == {*"figoch", "text", "layers"}
        assert str(found["text"]) == "bade gilo"
        assert found["layers"].tolist() == [1, 2]
        for letter, array in model.activations("bade gilo").items():
            assert np.array_equal(found[letter], array)
    Path("t.txt").write_text("bade\r\ngilo")
    some = ("--gates", "fc", "--layers", "2", "--warm", "ba", "--json")
    done = invoke("activations", "--file", "t.txt", "-c", "run", "-o", "y.npz", *some)
    about = json.loads(done.out)
    assert (about["arrays"], about["layers"], about["shape"]) == (["f", "c"], [2], [9, 1, 12])
    assert about["bytes"] == Path("y.npz").stat().st_size
    with np.load("y.npz", allow_pickle=False) as found:
        assert np.array_equal(found["c"][:, 0], model.activations("bade\ngilo", warm="ba")["c"][:, 1])
    again = invoke("activations", "bade gilo", "-c", "run", "-o", "z.npz", "-q")
    assert again.err == ""
    assert Path("x.npz").read_bytes() == Path("z.npz").read_bytes()


def test_a_network_of_one_layer_and_no_gates(invoke: Invoke, corpus_file: Path) -> None:
    charlstm.train(corpus_file, out="rnn", steps=2, **{**SMALL, "num_layers": 1}, cell_type="rnn")
    done = invoke("activations", "ba", "-c", "rnn", "-o", "x.npz")
    assert "x.npz: h, 2 characters x 1 layer x 12 cells; " in done.err
    done = invoke("activations", "ba", "-c", "rnn", "-o", "y.npz", "--layers", 2)
    assert "--layers 2: this model has one layer, 1" in done.err
    done = invoke("activations", "ba", "-c", "rnn", "-o", "y.npz", "--gates", "f")
    assert "--gates 'f': a plain RNN has h" in done.err


def test_the_command_refuses(invoke: Invoke, model: charlstm.LanguageModel) -> None:
    Path("there.npz").write_bytes(b"mine")
    refused = [
        ((), 2, "give a TEXT, or --file FILE"),
        (("ba",), 2, "--out FILE is missing"),
        (("ba", "-o", "x.txt"), 2, "a name that ends in .npz"),
        (("ba", "-o", "there.npz"), 2, "charlstm never overwrites"),
        (("ba", "--file", "x", "-o", "x.npz"), 2, "give one of the two"),
        (("ba", "--layers", "one", "-o", "x.npz"), 2, "write numbers with commas"),
        (("ba", "--layers", "3", "-o", "x.npz"), 2, "--layers 3: this model has layers 1 to 2"),
        (("ba", "--gates", "fz", "-o", "x.npz"), 2, "--gates 'z': an LSTM has f, i, g, o, c, h"),
        (("中", "-o", "x.npz"), 3, "has never seen"),
        (("", "-o", "x.npz"), 3, "nothing to read"),
        (("ba", "-o", "no/folder/x.npz"), 2, "there is no folder no/folder; make it, or give another name"),
        (("ba", "-c", "nothing", "-o", "x.npz"), 4, "no such file"),
    ]
    for arguments, code, says in refused:
        model_given = () if "-c" in arguments else ("-c", "run")
        done = invoke("activations", *arguments, *model_given)
        assert done.code == code, (arguments, done.err)
        assert says in " ".join(done.err.split()), (arguments, done.err)
    assert Path("there.npz").read_bytes() == b"mine"
    assert not list(Path().glob("**/x.npz"))


# what is refused


def refusals(model: Any) -> list[tuple[Any, type[Exception], str]]:
    small = {"steps": 2, **SMALL}
    train = charlstm.train
    return [
        (lambda: train(), UsageError, "give `files` to train on, a `text`, or a run to `resume`"),
        (lambda: train("a plain text"), TextError, "no such file or folder; to train on a text itself, give `text`"),
        (lambda: train("line\n" * 5000), TextError, "no such file or folder; to train on a text itself, give `text`"),
        (lambda: train("nul\0"), TextError, "no such file or folder"),
        (lambda: train(""), TextError, "no such file or folder"),
        (lambda: train("-"), TextError, "no such file or folder"),
        (lambda: train(["small.txt", "nothing"]), TextError, "`files` 'nothing'"),
        (lambda: train([]), UsageError, r"`files` is \[\]"),
        (lambda: train(3), UsageError, "`files` is 3; it must be a path, or a list of paths"),
        (lambda: train([3]), UsageError, "`files` is 3; it must be a path"),
        (lambda: train(b"small.txt"), UsageError, "`files` is b'small.txt'"),
        (lambda: train(text=3), UsageError, "`text` is 3; it must be a text"),
        (lambda: train(text=""), TextError, "empty"),
        (lambda: train(text="\ud800" * 500), TextError, "`text`: a lone surrogate at character 1"),
        (lambda: train(text="aaaa" * 500, **small), TextError, "one distinct character"),
        (lambda: train(text="ab", **small), TextError, "too short.*`seq_len`"),
        (lambda: train("small.txt", text="ab"), UsageError, "`files` and `text`: give one of the two"),
        (lambda: train(text="ab" * 500, encoding="utf-16"), UsageError, "`encoding` is that of files"),
        (lambda: train("small.txt", encoding="klingon"), TextError, "`encoding` klingon"),
        (lambda: train("small.txt", encoding=8), UsageError, "`encoding` is 8"),
        (lambda: train("small.txt", normalize="yes"), UsageError, "`normalize` is 'yes'"),
        (lambda: train("small.txt", valid="nothing"), TextError, "`valid` 'nothing'"),
        (lambda: train("small.txt", hiden_size=3), UsageError, "'hiden_size'; did you mean 'hidden_size'"),
        (lambda: train("small.txt", hidden_size=0), UsageError, "hidden_size is 0; it must be between 1 and"),
        (lambda: train("small.txt", hidden_size="big"), UsageError, "hidden_size is 'big'; it must be of type int"),
        (lambda: train("small.txt", time="soon"), UsageError, "'soon' is not a length of time"),
        (lambda: train("small.txt", steps=3, epochs=1), UsageError, "one of `steps`, `epochs` and `time`"),
        (lambda: train("small.txt", device="tpu"), UsageError, "`device` 'tpu'.*take auto, cpu, cuda or mps"),
        (lambda: train("small.txt", device="cuda:99"), UsageError, "`device` cuda:99"),
        (lambda: train("small.txt", threads=0), UsageError, "`threads` is 0"),
        (lambda: train("small.txt", progress="yes"), UsageError, "`progress` is 'yes'"),
        (lambda: train("small.txt", out="run"), UsageError, "never overwrites"),
        (lambda: train("small.txt", out=3), UsageError, "`out` is 3; it must be a path"),
        (lambda: train(resume="nothing"), ModelFileError, "nothing: no such run"),
        (lambda: train(resume=3), UsageError, "`resume` is 3; it must be a path"),
        (lambda: train(resume="run", steps=4), UsageError, "at step 8 already"),
        (lambda: charlstm.load("nothing"), ModelFileError, "no such file"),
        (lambda: charlstm.load(3), UsageError, "`path` is 3; it must be a path"),
        (lambda: charlstm.load("run", device="mps:7"), UsageError, "`device` mps:7"),
        (lambda: model.generate(3), UsageError, "`prompt` is 3; it must be a text"),
        (lambda: model.generate("ba", -1), UsageError, "length is -1; it must be between 0 and"),
        (lambda: model.generate("ba", temperature="hot"), UsageError, "temperature is 'hot'; it must be of type float"),
        (lambda: model.generate("ba", temperature=-1), UsageError, "temperature is -1; it must be between 0 and"),
        (lambda: model.generate("ba", temperature=math.nan), UsageError, "temperature is nan"),
        (lambda: model.generate("ba", top_p=0), UsageError, "top_p is 0; it must be between"),
        (lambda: model.generate("ba", num=0), UsageError, "num is 0; it must be between 1 and"),
        (lambda: model.generate("ba", seed=-1), UsageError, "seed is -1"),
        (lambda: model.generate("ba", stop=3), UsageError, "stop is 3; it must be of type str"),
        (lambda: model.generate("ba", match=3), UsageError, "match is 3; it must be of type str"),
        (lambda: model.generate("ba", match="("), UsageError, r"`match` '\(' is no regular expression"),
        (lambda: model.stream("ba", 2, match="aaa"), UsageError, "nothing of `length` 2 or less"),
        (lambda: model.generate_each(["ba"], match="中"), UsageError, "it has never seen '中'"),
        (lambda: model.generate_each("ba"), UsageError, "`prompts` is 'ba'; it must be a list of texts"),
        (lambda: model.generate_each(3), UsageError, "`prompts` is 3; it must be a list of texts"),
        (lambda: model.generate_each(["ba", 3]), UsageError, r"`prompts\[1\]` is 3; it must be a text"),
        (lambda: model.generate_each(["ba", "中"]), UnknownCharacterError, r"prompts\[1\]: the model has never seen"),
        (lambda: model.generate("中"), UnknownCharacterError, "set `on_unknown` to skip or nearest"),
        (lambda: model.generate("ba", on_unknown="ignore"), UsageError, "`on_unknown` is 'ignore'; it must be one of"),
        (lambda: model.stream(b"ba"), UsageError, "`prompt` is b'ba'"),
        (lambda: model.score("b"), TextError, "at least 2"),
        (lambda: model.score(""), TextError, "`text`: it is empty"),
        (lambda: model.score(None), UsageError, "`text` is None"),
        (lambda: model.score("中文", on_unknown="skip"), TextError, "knows none of its characters"),
        (lambda: model.activations(""), TextError, "`text`: it is empty"),
        (lambda: model.activations("ba", warm=3), UsageError, "`warm` is 3"),
        (lambda: model.explain("ba", "2"), UsageError, "`cell` 2: write layer:cell, as in 2:110"),
        (lambda: model.explain("ba", (3, 1)), UsageError, "`cell` 3:1: this model has layers 1 to 2, cells 0 to 11"),
        (lambda: model.explain("ba", (2, -1)), UsageError, "`cell` 2:-1"),
        (lambda: model.explain("ba", 7), UsageError, "`cell` 7: write"),
        (lambda: model.explain("ba", "1:1", open_from=2), UsageError, "`open_from` is 2; it must be a number between"),
        (lambda: model.probe(), TextError, "cannot read the Portuguese pairs.*give `pairs` of your own"),
        (lambda: model.probe([]), UsageError, r"`pairs` is \[\]"),
        (lambda: model.probe(0), UsageError, "`pairs` is 0; it must be a whole number between 1 and"),
        (lambda: model.probe("nothing.jsonl"), TextError, "nothing.jsonl"),
        (lambda: model.probe(state="x"), UsageError, "`state` is 'x'; it must be one of c, h"),
        (lambda: model.probe(hold=2), UsageError, "`hold` is 2"),
        (lambda: model.probe(gap=math.nan), UsageError, "`gap` is nan"),
        (lambda: model.probe(nulls=1), UsageError, "`nulls` is 1; it must be a whole number between 2 and 1,000"),
        (lambda: model.probe(seed=1.5), UsageError, "`seed` is 1.5; it must be a whole number"),
        (lambda: model.save(""), UsageError, "`path` is ''"),
        (lambda: model.save("x", "fp64"), UsageError, "`precision` is 'fp64'; it must be one of fp32, bf16"),
    ]  # fmt: skip


def test_every_wrong_argument_is_refused_by_its_name(model: charlstm.LanguageModel, corpus_file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call, kind, says in refusals(model):
            with pytest.raises(kind, match=says) as caught:
                call()
            assert not re.search(r"(?<![\w-])--[a-z]", str(caught.value)), caught.value
            assert "\n" not in str(caught.value)
    assert {path.name for path in Path().iterdir() if path.is_dir()} <= {"run", "checkpoints"}
    assert not list(Path("checkpoints").glob("*")), "a folder was left behind"


def test_the_room_offers_what_the_package_does() -> None:
    assert set(api.__all__) == set(charlstm.__all__) - {"CharLSTMError", "__version__"}
