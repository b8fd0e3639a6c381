"""How deep JSON may be nested."""

import orjson
import pytest

from qwenproxy.depth import DEEPEST, loads


def nested(levels: int, opening: str = "[", closing: str = "]") -> str:
    return opening * levels + closing * levels


@pytest.mark.parametrize(
    "text",
    [
        nested(DEEPEST),
        '{"a":' * (DEEPEST - 1) + "{}" + "}" * (DEEPEST - 1),
        f"[{','.join(['[]'] * 1000)}]",
        f'"{"[{" * 1000}"',
    ],
    ids=["lists", "objects", "wide, not deep", "brackets in a string"],
)
def test_what_can_be_written_again_is_read(text: str) -> None:
    assert loads(text) == loads(text.encode()) == orjson.loads(text)


@pytest.mark.parametrize("levels", [DEEPEST + 1, 300, 1000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":[', "]}")])
def test_what_could_not_be_written_again_is_not_read(levels: int, opening: str, closing: str) -> None:
    text = nested(levels, opening, closing)
    with pytest.raises(ValueError, match=r"levels deep|limit"):
        loads(text)
    with pytest.raises(ValueError, match=r"levels deep|limit"):
        loads(text.encode())


@pytest.mark.parametrize("text", ["", "{", "NaN"])
def test_what_is_no_json_is_not_read(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text)
