import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.corpus.vocab import Vocabulary, describe, normalize, smallest_id_type
from charlstm.errors import TextError, UnknownCharacterError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=2).filter(lambda t: len(set(t)) > 1)


@given(TEXTS)
def test_what_is_encoded_decodes_to_itself(text: str) -> None:
    vocabulary = Vocabulary.of(text)
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert len(ids) == len(text)
    assert list(vocabulary.characters) == sorted(set(text))


def test_ids_take_the_smallest_type() -> None:
    assert smallest_id_type(256) == np.uint8
    assert smallest_id_type(257) == np.uint16
    assert smallest_id_type(65_536) == np.uint16
    assert Vocabulary([chr(i) for i in range(0x100, 0x300)]).encode("\u01ff")[0] == 255


@pytest.mark.parametrize("characters", [["a"], ["a", "a"], ["a", "bc"], ["a", ""], ["a", "\ud800"]])
def test_unsound_vocabularies_are_refused(characters: list[str]) -> None:
    with pytest.raises(TextError):
        Vocabulary(characters)


def test_an_unknown_character_is_named_with_its_place_and_neighbours() -> None:
    vocabulary = Vocabulary.of("caÇE z")
    with pytest.raises(UnknownCharacterError) as caught:
        vocabulary.encode("zaç", what="prompt")
    assert caught.value.character == "ç"
    assert caught.value.position == 2
    assert caught.value.nearest[0] == "c"
    assert "Ç" in caught.value.nearest
    message = str(caught.value)
    assert all(part in message for part in ("prompt", "'ç'", "U+00E7", "CEDILLA", "character 3", "nearest known: c"))
    with pytest.raises(UnknownCharacterError, match="it knows none"):
        vocabulary.encode("中")


def test_unknown_characters_can_be_skipped_or_replaced() -> None:
    vocabulary = Vocabulary.of("caÇE z")
    assert vocabulary.decode(vocabulary.encode("zaçé中", "skip")) == "za"
    assert vocabulary.decode(vocabulary.encode("zaçé中A", "nearest")) == "zacEa"


def test_a_lone_surrogate_is_not_text() -> None:
    with pytest.raises(TextError, match="surrogate"):
        Vocabulary.of("ab").encode("a\udc80")


def test_control_characters_are_described_not_shown() -> None:
    assert "\x1b" not in describe("\x1b")
    assert "U+001B" in describe("\x1b")


def test_normalize_composes_and_ends_lines_alike() -> None:
    assert normalize("e\u0301\r\nx\r") == "é\nx\r"


def test_equal_vocabularies_are_one_key() -> None:
    assert {Vocabulary("abc"): 1}[Vocabulary(["a", "b", "c"])] == 1
