"""What DashScope wants to hear of in a header."""

import orjson
import pytest

from qwenproxy.dialects.announcing import MARKED, STORED, announced
from qwenproxy.wire.openai import Json

STORE = {"x-dashscope-ossresourceresolve": "enable"}
CACHE = {"x-dashscope-cachecontrol": "enable"}

CASES: list[tuple[str, Json, tuple[bytes, ...], dict[str, str]]] = [
    ("a file in the store", {"image": "oss://a/b.png"}, (STORED, MARKED), STORE),
    ("a mark", {"cache_control": {"type": "ephemeral"}}, (STORED, MARKED), CACHE),
    ("both", {"image": "oss://a", "cache_control": {}}, (STORED, MARKED), STORE | CACHE),
    ("a mark that is not asked after", {"cache_control": {}}, (STORED,), {}),
    ("words about them", {"text": 'Say "cache_control" and see oss://a.'}, (STORED, MARKED), {}),
    ("nothing", {}, (STORED, MARKED), {}),
]


@pytest.mark.parametrize(("body", "signs", "headers"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_a_body_holds_is_announced(body: Json, signs: tuple[bytes, ...], headers: dict[str, str]) -> None:
    assert announced(orjson.dumps(body), *signs) == headers
