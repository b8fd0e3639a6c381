"""What becomes of each field of an embeddings request."""

from typing import Any

import pytest
from openai.types.embedding_create_params import EmbeddingCreateParams

from qwenproxy.dialects.embedding_rulings import OPENAI, TABLE, RuledEmbedding, check_inputs, rule
from qwenproxy.embedding_models import row_of
from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import Json

V4, V2, SEEING, UNKNOWN = map(row_of, ("text-embedding-v4", "text-embedding-v2", "qwen3-vl-embedding", "bge-m3"))


def ruled(asked: Json, model: str = "text-embedding-v4", row: Any = V4, **settings: Any) -> RuledEmbedding:
    return rule(model, asked, row, **{"refuse": False, "extras": False, "unsaid": {}, **settings})


def refusal(asked: Json, **settings: Any) -> ProxyError:
    with pytest.raises(ProxyError) as caught:
        ruled(asked, **settings)
    return caught.value


def test_every_field_of_the_official_client_has_its_ruling() -> None:
    assert OPENAI.keys() == EmbeddingCreateParams.__annotations__.keys()


@pytest.mark.parametrize("ruling", TABLE.values(), ids=TABLE)
def test_every_ruling_says_why(ruling: Any) -> None:
    assert ruling.reason


@pytest.mark.parametrize(
    ("asked", "fields", "dropped"),
    [
        ({"encoding_format": "base64"}, {}, ()),
        ({"dimensions": 256}, {"dimensions": 256}, ()),
        ({"user": "anne"}, {}, ("user",)),
        ({"text_type": "query", "instruct": "Find."}, {"text_type": "query", "instruct": "Find."}, ()),
        ({"output_type": "dense"}, {}, ()),
        ({"enable_fusion": False}, {}, ()),
        ({"truncate": True, "a\nb": 1}, {}, ("truncate", "unnamed")),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_fields_are_ruled(asked: Json, fields: Json, dropped: tuple[str, ...]) -> None:
    found = ruled(asked)
    assert (found.fields, found.dropped) == (fields, dropped)


def test_servers_that_take_others_get_them() -> None:
    assert ruled({"truncate": True}, extras=True).fields == {"truncate": True}


@pytest.mark.parametrize("dimensions", [1000, 3072, 1])
def test_dimensions_that_the_model_has_not_are_refused(dimensions: int) -> None:
    error = refusal({"dimensions": dimensions}, model="text-embedding-3-small")
    assert (error.status, error.param) == (400, "dimensions")
    assert "one of 2048, 1536, 1024, 768, 512, 256, 128, 64" in error.message
    assert "'text-embedding-3-small'" in error.message


def test_dimensions_are_not_asked_of_a_model_that_has_one_size() -> None:
    assert ruled({"dimensions": 1536}, row=V2).fields == {}
    assert "must be 1536 " in refusal({"dimensions": 512}, row=V2).message


def test_any_dimensions_are_asked_of_a_model_that_nobody_knows() -> None:
    assert ruled({"dimensions": 123}, row=UNKNOWN).fields == {"dimensions": 123}


@pytest.mark.parametrize(
    ("model", "row", "asked", "fields", "changed"),
    [
        ("text-embedding-3-small", V4, {}, {"dimensions": 1536}, "dimensions: 1536, as text-embedding-3-small gives"),
        ("text-embedding-ada-002", V4, {}, {"dimensions": 1536}, "dimensions: 1536, as text-embedding-ada-002 gives"),
        ("text-embedding-3-small", V4, {"dimensions": 512}, {"dimensions": 512}, ""),
        ("text-embedding-3-large", V4, {}, {}, "vectors of 1024 dimensions, not 3072"),
        ("text-embedding-3-small", V2, {}, {}, ""),
        ("text-embedding-3-small", V2, {"dimensions": 1536}, {}, ""),
        ("text-embedding-3-small", UNKNOWN, {}, {}, ""),
        ("text-embedding-v4", V4, {}, {}, ""),
    ],
)
def test_vectors_are_as_long_as_those_of_openais_model_if_they_can_be(
    model: str, row: Any, asked: Json, fields: Json, changed: str
) -> None:
    found = ruled(asked, model=model, row=row)
    assert (found.fields, found.changed) == (fields, (changed,) if changed else ())


@pytest.mark.parametrize("asked", [{"output_type": "sparse"}, {"output_type": "dense&sparse"}, {"enable_fusion": True}])
def test_what_openais_answer_has_no_place_for_is_refused(asked: Json) -> None:
    error = refusal(asked)
    assert (error.status, error.param) == (400, next(iter(asked)))


def test_what_a_dialect_cannot_say_is_dropped_or_refused() -> None:
    unsaid = {"text_type": "only the native protocol has it"}
    assert ruled({"text_type": "query"}, unsaid=unsaid).dropped == ("text_type",)
    error = refusal({"text_type": "query"}, unsaid=unsaid, refuse=True)
    assert (error.failure.code, error.param) == ("unsupported_parameter", "text_type")


def test_unknown_fields_are_refused_if_they_are_to_be_but_not_what_means_nothing() -> None:
    assert refusal({"truncate": True}, refuse=True).failure.code == "unknown_parameter"
    assert ruled({"user": "anne"}, refuse=True).dropped == ("user",)


@pytest.mark.parametrize(
    ("contents", "tokens"),
    [
        (["a", "word " * 8_192], [None, None]),
        (["a", "x" * 100_000], [None, None]),
        (["a", "字" * 20_000], [None, None]),
        (["a", "b"], [None, 8_192]),
    ],
    ids=["as many words as tokens", "nobody knows", "nor here", "ids"],
)
def test_an_input_that_may_fit_is_let_through(contents: list[Any], tokens: list[int | None]) -> None:
    check_inputs(contents, tokens, V4)


@pytest.mark.parametrize(
    ("contents", "tokens"),
    [(["a", "word " * 8_193], [None, None]), (["a", "b"], [1, 8_193])],
    ids=["more words than tokens", "ids"],
)
def test_an_input_that_is_too_long_is_named(contents: list[Any], tokens: list[int | None]) -> None:
    with pytest.raises(ProxyError, match=r"'input\[1\]' is longer than the 8192 tokens") as caught:
        check_inputs(contents, tokens, V4)
    assert (caught.value.failure.code, caught.value.param) == ("context_length_exceeded", "input[1]")


def test_nothing_is_too_long_for_a_model_that_nobody_knows() -> None:
    check_inputs(["word " * 100_000], [None], UNKNOWN)


def test_pictures_are_for_models_that_see() -> None:
    check_inputs([{"image": "u"}], [None], SEEING)
    with pytest.raises(ProxyError, match="texts only") as caught:
        check_inputs(["a", {"image": "u"}], [None, None], V4)
    assert caught.value.param == "input[1]"
