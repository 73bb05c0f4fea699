import itertools
import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from charlstm.config import ModelConfig, SampleConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.drawing import match as matching
from charlstm.drawing.match import FAR, Pattern, Place
from charlstm.errors import UsageError
from charlstm.network.model import CharLM
from charlstm.sample import Drawn, generate, generate_each

CHARACTERS = tuple("\n Aabcé1")
VOCABULARY = Vocabulary(CHARACTERS)


@pytest.fixture
def model() -> CharLM:
    model = CharLM(ModelConfig(vocab_size=len(VOCABULARY), hidden_size=12, num_layers=2, embedding_size=5))
    model.reset_parameters(0, 3)
    with torch.no_grad():
        model.head.weight.mul_(20)
    return model


def place_of(pattern: Pattern, text: str) -> Place | None:
    place: Place | None = pattern.begin
    for c in text:
        place = None if place is None else pattern.after(place)[pattern.classes[CHARACTERS.index(c)]]
    return place


PATTERNS = [
    r"a*",
    r"(a|bc)+",
    r"a{2,4}b?",
    r"a{2}",
    r"(ab?){0,3}c",
    r"[^a]+?",
    r"\w+ \w*",
    r"\d|\s|[A-c]",
    r"(?i)a+b",
    r"(?i:[a-b])A",
    r".*a",
    r"(?s).*a",
    r"(?a)\w+",
    r"(?x) a  # first \n | b",
    r"^(a|b)$",
    r"^a|^b$",
    r"\Aab\Z",
    r"(|a)(b|)",
    r"(a*)*b",
    r"((a|b)*(c|1))*",
    r"",
    r"[^\W\d]{1,2}",
    r"a(?#a comment)b",
    r"é|e",
    r"(?:a|ab)(?:c|bc)",
    r"[ab]*a[ab]{2}",
]
TEXTS = ["".join(text) for n in range(5) for text in itertools.product("\nAabc1é "[: 8 if n < 4 else 5], repeat=n)]


@pytest.mark.parametrize("written", PATTERNS)
def test_a_pattern_means_what_it_means_to_python(written: str) -> None:
    pattern, expected = Pattern(written, CHARACTERS), re.compile(written)
    for text in TEXTS:
        place = place_of(pattern, text)
        assert (place is not None and place.distance == 0) == bool(expected.fullmatch(text)), text


PIECES = st.recursive(
    st.sampled_from(["a", "b", "c", ".", r"\w", "[ab]", "[^a]", ""]),
    lambda inside: st.one_of(
        st.builds("({})({})".format, inside, inside),
        st.builds("({}|{})".format, inside, inside),
        st.builds("({}){}".format, inside, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "*?"])),
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(PIECES, st.text("abc", max_size=6), st.sampled_from(["", "a", "ab", "aab", "aba"]))
def test_distances_are_exact_with_and_without_a_stop(written: str, text: str, stop: str) -> None:
    expected = re.compile(written)

    def good(text: str) -> bool:
        return bool(expected.fullmatch(text)) and (not stop or stop not in text)

    try:
        pattern = Pattern(written, CHARACTERS, stop)
    except UsageError:
        assert not any(good("".join(t)) for n in range(5) for t in itertools.product("abc1", repeat=n))
        return
    place = place_of(pattern, text)
    assert (place is not None and place.distance == 0) == good(text)
    if place is None:
        ends: set[int] = set()
    else:
        ends = {n for n in range(3) for t in itertools.product("abc1", repeat=n) if good(text + "".join(t))}
        assert place.distance < FAR
        assert min(ends, default=3) == min(3, place.distance)


def write(model: CharLM, match: str, prompts: tuple[str, ...] = ("ab",), **more: object) -> list[list[Drawn]]:
    config = SampleConfig(**{"length": 12, "seed": 1, "num": 20, "match": match, **more})  # type: ignore[arg-type]
    out: list[list[Drawn]] = [[] for _ in range(config.num * len(prompts))]
    known = [VOCABULARY.encode(prompt) for prompt in prompts]
    for d in generate_each(model, VOCABULARY, known, config, opening="a"):
        out[d.stream].append(d)
    return out


def texts(drawn: list[list[Drawn]]) -> list[str]:
    return ["".join(d.text for d in stream) for stream in drawn]


SETTINGS: list[dict[str, object]] = [
    {},
    {"temperature": 0.0},
    {"temperature": 2.0, "top_k": 2},
    {"top_p": 0.5},
    {"stop": "ab"},
    {"length": 6, "temperature": 3.0},
    {"prompts": ("", "a", "bca1")},
]


@pytest.mark.parametrize("more", SETTINGS)
@pytest.mark.parametrize("written", [r"[ab]+c", r"\w{3}( \w{2})*", r"(a|b).*1", r"(aé1){2}|b{4}", r".{5}"])
def test_every_sample_matches(model: CharLM, written: str, more: dict[str, object]) -> None:
    found = texts(write(model, written, **more))  # type: ignore[arg-type]
    for text in found:
        assert re.fullmatch(written, text), text
        assert len(text) <= int(str(more.get("length", 12)))
        assert "stop" not in more or str(more["stop"]) not in text
    if not more:
        assert len(set(found)) > 1


def test_a_pattern_that_rules_out_nothing_changes_nothing(model: CharLM) -> None:
    assert texts(write(model, "(?s).*")) == texts(write(model, None))  # type: ignore[arg-type]
    assert {d.allowed_logprob for stream in write(model, "(?s).*") for d in stream} == {0.0}


def test_a_text_ends_where_the_model_draws_what_cannot_lead_to_a_match(model: CharLM) -> None:
    free = texts(write(model, None, length=40))  # type: ignore[arg-type]
    bound = texts(write(model, "[^1]*", length=40))
    assert bound == [text.split("1")[0] for text in free]
    assert len({len(text) for text in bound}) > 2


def test_a_character_has_the_models_probability_among_those_that_are_allowed(model: CharLM) -> None:
    drawn = write(model, "[bc]..", num=2000, temperature=1.0)
    with torch.no_grad():
        logits, _ = model(torch.from_numpy(VOCABULARY.encode("ab").astype("int64"))[None])
    p = logits[0, -1].softmax(0)
    b, c = (float(p[CHARACTERS.index(x)]) for x in "bc")
    share = sum(stream[0].text == "b" for stream in drawn) / 2000
    assert share == pytest.approx(b / (b + c), abs=0.05)
    assert all(stream[0].allowed_logprob == pytest.approx(math.log(b + c), abs=1e-5) for stream in drawn)
    assert drawn[0][0].logprob == pytest.approx(math.log(b if drawn[0][0].text == "b" else c), abs=1e-5)


REFUSED = [
    ("(a", r"'\(a' is no regular expression: missing \), unterminated subpattern, at character 1"),
    (
        "ñ+",
        r"matches no text that the model can write; it has never seen 'ñ' \(U\+00F1 LATIN SMALL LETTER N WITH TILDE\)",
    ),
    ("[^\\w\\W]", "matches no text that the model can write$"),
    ("a{13}", "matches nothing of `length` 12 or less: the shortest has 13 characters"),
    ("((a{100}){100}){100}", "is too large: it needs more than 20,000 states"),
    ("(){100000000}", "is too large"),
    ("(?=a)b", "are not possible here"),
    (r"(a)\1", "references to groups"),
    ("a++", "possessive"),
    ("a$b", "only . at its beginning"),
    (r"\bab", "only . at its beginning"),
    ("(" * 3000 + ")" * 3000, "is nested too deeply"),
    ("a{" + "9" * 30 + "}", "counts too far"),
]


@pytest.mark.parametrize(("written", "said"), REFUSED)
def test_what_cannot_be_matched_is_said_before_anything_is_read(model: CharLM, written: str, said: str) -> None:
    config = SampleConfig(length=12, match=written)
    with pytest.raises(UsageError, match=said) as caught:
        generate(model, VOCABULARY, VOCABULARY.encode("a"), config, opening="a")
    assert "match" in caught.value.settings
    assert len(str(caught.value)) < 250


def test_a_pattern_of_a_million_states_is_built_as_far_as_texts_go(model: CharLM) -> None:
    written = "[ab]*a[ab]{20}"
    found = texts(write(model, written, length=40, num=4))
    assert all(re.fullmatch(written, text) for text in found)
    built = matching.compiled(written, CHARACTERS, "")
    assert 20 < len(built.known) < 4 * 40 * len(CHARACTERS)


def test_what_is_remembered_is_bounded(model: CharLM, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = texts(write(model, r"(\w{3} )*1", length=30))
    matching.compiled.cache_clear()
    monkeypatch.setattr(matching, "MAX_KNOWN", 5)
    assert texts(write(model, r"(\w{3} )*1", length=30)) == whole
    matching.compiled.cache_clear()
