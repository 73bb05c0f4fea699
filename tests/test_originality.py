"""What a text copies, against a search without any index; the index in the cache."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Invoke, small_text
from hypothesis import given, settings
from hypothesis import strategies as st

from charlstm.checkpoint import ModelFile, save_model_file
from charlstm.config import ModelConfig
from charlstm.corpus import Corpus, CorpusRequest, open_corpus, stored_corpus
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import CharLSTMError, TextError
from charlstm.network.model import CharLM
from charlstm.originality import Copied, Index, Places, Stretch, bytes_needed, find_copies, index, open_index
from charlstm.originality.index import sorted_places


def corpus_of(text: str, wide: bool = False) -> Corpus:
    """A training text in memory; `wide`: its ids take two bytes."""
    characters = sorted({*text, "\n", "x"} | ({chr(0x4E00 + k) for k in range(300)} if wide else set()))
    vocabulary = Vocabulary(characters)
    ids = vocabulary.encode(text)
    return Corpus("0" * 64, vocabulary, (0,) * len(characters), True, ids, ids[:0], ("a.txt",))


def indexed(text: str, wide: bool = False) -> Index:
    corpus = corpus_of(text, wide)
    return Index(corpus, sorted_places(corpus.train))


def by_search(training: str, text: str, min_copy: int) -> tuple[int, list[tuple[int, int]], float]:
    """The longest length, the maximal stretches and the share, by looking for every part of the text."""
    lengths = []
    for start in range(len(text)):
        length = 0
        while start + length < len(text) and text[start : start + length + 1] in training:
            length += 1
        lengths.append(length)
    reach, maximal, covered = 0, [], set()
    for start, length in enumerate(lengths):
        if start + length > reach and length >= min_copy:
            maximal.append((start, length))
            covered |= set(range(start, start + length))
        reach = max(reach, start + length)
    return max(lengths, default=0), maximal, len(covered) / max(1, len(text))


def check(training: str, texts: list[str], min_copy: int, wide: bool) -> None:
    for text, found in zip(texts, find_copies(indexed(training, wide), texts, min_copy), strict=True):
        longest, maximal, share = by_search(training, text, min_copy)
        assert (found.longest.length if found.longest else 0) == longest
        assert [(s.start, s.length) for s in found.stretches] == maximal
        assert found.share == pytest.approx(share)
        for stretch in (*found.stretches, *([found.longest] if found.longest else [])):
            passage = text[stretch.start : stretch.end]
            assert training[stretch.place : stretch.place + stretch.length] == passage


letters = st.text(alphabet="ab", max_size=60)


@settings(max_examples=150, deadline=None)
@given(letters, st.lists(st.text(alphabet="abz", max_size=30), max_size=4), st.integers(1, 6), st.booleans())
def test_as_a_search_without_index_finds(training: str, texts: list[str], min_copy: int, wide: bool) -> None:
    check(training, texts, min_copy, wide)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.booleans())
def test_stretches_longer_than_what_is_compared_side_by_side(data: st.DataObject, wide: bool) -> None:
    training = "".join(data.draw(st.sampled_from(["a", "ab", "ba" * 40, "abb" * 30])) for _ in range(8))
    texts = []
    for _ in range(2):
        start = data.draw(st.integers(0, len(training)))
        texts.append(training[start : start + 150] + data.draw(st.sampled_from(["", "z", "ab"])) + training[:90])
    check(training, texts, 20, wide)


def test_a_text_that_repeats_itself() -> None:
    check("-" * 100 + "a", ["-" * 300, "-" * 90 + "a" + "-" * 5], 30, False)


def test_a_text_is_brought_into_the_form_of_the_training_text() -> None:
    (found,) = find_copies(indexed("uma coração\nsó"), ["coraça\u0303o\r\nsó"], 3)
    assert found.text == "coração\nsó"
    assert found.longest == Stretch(0, 10, 4)


def test_every_text_stands_alone_and_an_unknown_character_ends_a_stretch() -> None:
    index = indexed("abcdefghij")
    assert [found.stretches for found in find_copies(index, ["abcde", "fghij"], 3)] == [
        (Stretch(0, 5, 0),),
        (Stretch(0, 5, 5),),
    ]
    (found,) = find_copies(index, ["abcd€fgh"], 3)
    assert found.stretches == (Stretch(0, 4, 0), Stretch(5, 3, 5))
    assert found.share == 7 / 8


def test_what_overlaps_is_counted_once() -> None:
    found = Copied("abcdefghij", 2, None, (Stretch(0, 4, 0), Stretch(2, 4, 9), Stretch(7, 2, 3)))
    assert found.covered == [(0, 6), (7, 9)]
    assert found.share == 0.8


def test_nothing_in_common_and_nothing_at_all() -> None:
    index = indexed("abc")
    assert find_copies(index, ["€€", ""], 1) == [Copied("€€", 1, None, ()), Copied("", 1, None, ())]
    assert find_copies(index, [], 1) == []
    assert find_copies(indexed(""), ["abc"], 1) == [Copied("abc", 1, None, ())]
    with pytest.raises(TextError, match="lone surrogate"):
        find_copies(index, ["a\ud800"], 1)


def test_places(tmp_path: Path) -> None:
    for name, text in {"a.txt": "one\ntwo\n", "b.txt": "three\nfour five\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    request = CorpusRequest((str(tmp_path / "a.txt"), str(tmp_path / "b.txt")), valid_fraction=0.0)
    corpus = open_corpus(request)
    assert corpus.lengths == (8, 16)
    place = Places(corpus).find(8 + 6, 4)
    assert (Path(place.file).name, place.character, place.line) == ("b.txt", 7, 2)
    assert (place.before, place.after) == ("three\n", " five\n")
    again = stored_corpus(corpus.sha256)
    assert again is not None
    assert again.lengths == corpus.lengths


def test_where_the_file_is_not_known_the_place_is_in_the_whole_text() -> None:
    corpus = corpus_of("a\nab\n")
    assert Places(corpus).find(2, 2).file == "a.txt"
    many = Corpus(corpus.sha256, corpus.vocabulary, (), True, corpus.train, corpus.valid, ("a.txt", "b.txt"))
    place = Places(many).find(2, 2)
    assert (place.file, place.character, place.line) == ("", 3, 2)


def test_the_index_is_kept_and_one_that_is_damaged_is_made_again(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "cache"))
    corpus = open_corpus(CorpusRequest((str(corpus_file),)))
    first = open_index(corpus)
    folder = tmp_path / "cache" / "originality" / corpus.sha256
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", "places.u4"]
    made = []
    monkeypatch.setattr(index, "sorted_places", lambda ids: made.append(1) or sorted_places(ids))
    assert np.array_equal(open_index(corpus).places, first.places)
    assert not made
    places = bytearray((folder / "places.u4").read_bytes())
    places[40] ^= 1
    for damage in (
        lambda: (folder / "places.u4").write_bytes(places),
        lambda: (folder / "places.u4").write_bytes(b"1234"),
        lambda: (folder / "index.json").write_text("{}"),
        lambda: (folder / "index.json").write_text(
            (folder / "index.json").read_text().replace('"format": 1', '"format": 2')
        ),
    ):
        made.clear()
        damage()
        assert np.array_equal(open_index(corpus).places, first.places)
        assert made == [1]
    assert [path.name for path in folder.parent.iterdir()] == [corpus.sha256]


def test_a_training_text_that_does_not_fit_into_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus_of("ab" * 1000)
    assert bytes_needed(2000, 256) == 12_000
    assert bytes_needed(2000, 257) == 24_000
    monkeypatch.setattr(index, "memory_bytes", lambda: 12_000.0)
    with pytest.raises(CharLSTMError, match="2,000 characters for copies takes") as caught:
        open_index(corpus)
    assert caught.value.settings == ("training_text",)
    monkeypatch.setattr(index, "LARGEST", 1999)
    with pytest.raises(CharLSTMError, match="at most 1,998 can be searched"):
        open_index(corpus)


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "originality").write_text("a file")
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path))
    with pytest.raises(CharLSTMError, match=r"cannot write the index to .*; set CHARLSTM_CACHE_DIR"):
        open_index(corpus_of("abc"))


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, Path]:
    """A model that says which text it was trained on, and that text."""
    text = tmp_path / "training.txt"
    text.write_text(small_text(3000, seed=7), encoding="utf-8")  # that no other test has encoded under another name
    corpus = open_corpus(CorpusRequest((str(text),), valid_fraction=0.0))
    model = CharLM(ModelConfig(vocab_size=len(corpus.vocabulary), hidden_size=8, num_layers=1, embedding_size=4))
    model.reset_parameters(8.0, 1)
    path = tmp_path / "model.safetensors"
    save_model_file(path, ModelFile(model, corpus.vocabulary, {"corpus_sha256": corpus.sha256}))
    return path, text


def test_the_command_says_what_is_copied_and_where(invoke: Invoke, trained: tuple[Path, Path], tmp_path: Path) -> None:
    model, text = trained
    passage = text.read_text(encoding="utf-8")[500:560].replace("\n", " ")
    training = text.read_text(encoding="utf-8")
    story = tmp_path / "story.txt"
    story.write_text(f"€€ {training[500:560]} €€", encoding="utf-8")
    done = invoke("originality", story, "-c", model)
    assert done.code == 0, done.err
    at = training[:500].count("\n") + 1
    length = 60 + (training[499] == " ") + (training[560] == " ")
    assert f"of which {100 * length / 66:.1f} % stand" in done.out
    assert f"the longest has {length}" in done.out
    assert "training.txt, line" in done.out
    assert passage[:5] in done.out.replace("\\n", " ")
    (found,) = map(json.loads, invoke("originality", story, "-c", model, "--json").out.splitlines())
    longest = found["longest"]
    place = longest["in_training_text"]
    assert training[place["character"] - 1 :].startswith(longest["passage"])
    assert place["line"] == training[: place["character"] - 1].count("\n") + 1
    assert abs(place["line"] - at) <= 1
    assert (found["characters"], found["min_copy"]) == (66, 30)
    assert invoke("originality", "-", "-c", model, stdin=story.read_bytes()).out.startswith("standard input: 66")
    given = invoke("originality", story, "--training-text", text, "--json")
    assert json.loads(given.out)["longest"] == longest
    assert given.err == ""


def test_every_line_a_text(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Anna\nBerta\nCarla\n")
    (tmp_path / "new.txt").write_text("Berta\n\nBertine\r\nXyz\n")
    options = ("--training-text", tmp_path / "names.txt", "--lines", "--min-copy", "3")
    done = invoke("originality", tmp_path / "new.txt", *options)
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["1", "5", "100", "%", "Berta"],
        ["3", "4", "57", "%", "Bertine"],
        ["4", "0", "0", "%", "Xyz"],
    ]
    assert "3 lines; the training text has 1 of them as they are" in done.err
    objects = [
        json.loads(line) for line in invoke("originality", tmp_path / "new.txt", *options, "--json").out.splitlines()
    ]
    assert [o["line"] for o in objects] == [1, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.txt", "-c", "MODEL"], 3, "none.txt: no such file or folder"),
        (["EMPTY", "-c", "MODEL"], 3, "there is no text in it"),
        (["TEXT", "--min-copy", "0"], 2, "--min-copy"),
        (["TEXT", "--training-text", "none.txt"], 3, "none.txt: no such file or folder"),
        (["TEXT", "-c", "none.safetensors"], 4, "no such file or folder"),
        (
            ["TEXT", "-c", "english"],
            3,
            "the training text of english does not come with charlstm; give it as --training-text",
        ),
        (["", "-c", "MODEL"], 3, "the name of a text is empty"),
        (["TEXT", "--training-text", ""], 3, "the name of a text is empty"),
        (["TEXT", "-c", "MODEL", "--encoding", "utf-9"], 3, "no such text encoding"),
    ],
)
def test_wrong_input(
    invoke: Invoke, trained: tuple[Path, Path], tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "empty.txt").touch()
    names = {"MODEL": trained[0], "TEXT": trained[1], "EMPTY": tmp_path / "empty.txt"}
    done = invoke("originality", *(names.get(a, a) for a in arguments))
    assert (done.code, said in " ".join(done.err.replace("│", " ").split()), done.out) == (code, True, ""), done.err


def test_a_run_reads_its_text_again_where_the_cache_has_been_emptied(
    invoke: Invoke, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "cache"))
    invoke("train", corpus_file, "--steps", 1, "--hidden-size", 8, "--num-layers", 1, "--out", "run", "-q")
    shutil.rmtree(tmp_path / "cache")
    done = invoke("originality", corpus_file, "-c", "run")
    assert done.code == 0, done.err
    assert "the longest has 5,4" in done.out  # the tenth at its end was not trained on
    corpus_file.write_text("another text")
    shutil.rmtree(tmp_path / "cache")
    done = invoke("originality", corpus_file, "-c", "run")
    assert done.code == 3
    assert "cannot be had (it has changed); give it as --training-text" in done.err


def test_samples_say_what_they_copy_and_are_drawn_again(invoke: Invoke, trained: tuple[Path, Path]) -> None:
    model, text = trained
    options = ("sample", "-c", model, "--num", 8, "-n", 10, "--seed", 1)
    plain = invoke(*options, "--json").out.splitlines()
    longest = [json.loads(line)["text"] for line in plain]
    lengths = [by_search(text.read_text(encoding="utf-8"), t, 1)[0] for t in longest]
    limit = sorted(lengths)[3]
    assert limit < max(lengths)  # some are drawn again
    done = invoke(*options, "--max-copy", limit, "--json")
    assert done.code == 0, done.err
    objects = [json.loads(line) for line in done.out.splitlines()]
    for n, found in enumerate(objects):
        assert by_search(text.read_text(encoding="utf-8"), found["text"], 1)[0] <= limit
        assert found["originality"]["longest"]["characters"] <= limit
        assert (found["draws"] == 1) == (lengths[n] <= limit)
        assert found["sample"] == n
        assert len(found["logprobs"]) == 10
    assert [o["text"] for o in objects if o["draws"] == 1] == [
        t for t, length in zip(longest, lengths, strict=True) if length <= limit
    ]
    assert invoke(*options, "--max-copy", limit, "--json").out == done.out
    shown = invoke(*options, "--max-copy", limit, "--originality")
    assert shown.out == invoke(*options, "--max-copy", limit).out
    assert "text 8" in shown.err
    same = invoke("sample", "-c", model, "-n", 40, "--seed", 1, "--originality")
    assert same.out == invoke("sample", "-c", model, "-n", 40, "--seed", 1).out
    assert "the text: 40 characters" in same.err
    named = invoke("sample", "-c", model, "-n", 40, "--seed", 1, "--originality", "--training-text", text)
    assert named.out == same.out
    assert "the text: 40 characters" in named.err
    for option in ("--originality", "--max-copy", "--novel"):
        assert option in invoke("sample", "-c", model, "--training-text", text).err


def test_samples_that_cannot_be_original(invoke: Invoke, trained: tuple[Path, Path]) -> None:
    done = invoke("sample", "-c", trained[0], "-n", 200, "--seed", 1, "--max-copy", 1)
    assert (done.code, done.out) == (1, "")
    assert "the text still has more than 1 character in a row from the training text after 20 draws" in done.err
    done = invoke("sample", "-c", trained[0], "--max-copy", 5, "-t", 0)
    assert (done.code, done.out) == (2, "")
    assert invoke("sample", "-c", "english", "--originality").code == 3


@pytest.mark.parametrize("options", [("--originality",), ("--max-copy", "9")])
def test_prompts_of_a_file_do_not_go_with_it(invoke: Invoke, trained: tuple[Path, Path], options: tuple[str]) -> None:
    done = invoke("sample", "-c", trained[0], "--prompts", trained[1], *options)
    assert done.code == 2
    said = f"{options[0]} does not go with --prompts; charlstm originality compares texts in files"
    assert said in " ".join(done.err.replace("│", " ").split())


def test_a_training_text_that_nothing_is_compared_with(invoke: Invoke, trained: tuple[Path, Path]) -> None:
    done = invoke("sample", "-c", trained[0], "--training-text", trained[1])
    assert (done.code, done.out) == (2, "")
    assert "--training-text goes with --originality, --max-copy or --novel" in done.err
