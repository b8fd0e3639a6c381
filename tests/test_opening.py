"""How rounds are opened; what is mended on the way is specified with the exchange."""

import re
from typing import Any

import pytest

from qwenproxy.opening import has_images, new_call_id


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("Hello", False),
        ([{"type": "text", "text": "x"}], False),
        ([{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}], True),
    ],
)
def test_images_are_found(content: Any, found: bool) -> None:
    assert has_images({"messages": [{"role": "assistant"}, {"role": "user", "content": content}]}) is found


def test_ids_of_calls_have_openais_form_and_are_all_different() -> None:
    ids = {new_call_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"call_[0-9a-z]{24}", made) for made in ids)
