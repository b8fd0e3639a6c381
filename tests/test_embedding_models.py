"""Embedding models: their rows, and what an app's name for one becomes."""

import pytest

from qwenproxy import plans
from qwenproxy.embedding_models import CURRENT, FAMILIES, OPENAI_SIZES, resolve, row_of
from qwenproxy.plans import CODING_PLAN, GATEWAY, PORTAL, SELF_HOSTED, STANDARD, TOKEN_PLAN, Plan


@pytest.mark.parametrize(
    ("model", "batch", "size", "tokens"),
    [
        ("text-embedding-v4", 10, 1024, 8_192),
        ("text-embedding-v3", 10, 1024, 8_192),
        ("text-embedding-v2", 25, 1536, 2_048),
        ("text-embedding-v1", 25, 1536, 2_048),
        ("qwen3.7-text-embedding", 20, 1024, 128_000),
        ("qwen3-vl-embedding", 20, 2560, 32_000),
        ("multimodal-embedding-v1", 20, 1024, 512),
        ("Qwen/Qwen3-Embedding-8B", 16, 4096, 32_768),
        ("bge-m3", 16, None, None),
    ],
)
def test_limits_are_those_of_the_docs(model: str, batch: int, size: int | None, tokens: int | None) -> None:
    row = row_of(model)
    assert (row.batch, row.size, row.tokens) == (batch, size, tokens)


@pytest.mark.parametrize("row", [row for _, row in FAMILIES], ids=[pattern for pattern, _ in FAMILIES])
def test_the_usual_size_is_one_that_may_be_asked_for(row: object) -> None:
    assert isinstance(row, type(row_of("x")))
    assert not row.sizes or row.size in row.sizes
    assert row.sized or len(row.sizes) == 1


def test_open_weights_that_see_are_not_dashscopes_model_of_that_name() -> None:
    assert row_of("qwen3-vl-embedding").multimodal
    assert not row_of("Qwen/Qwen3-VL-Embedding-8B").multimodal


@pytest.mark.parametrize("model", [*OPENAI_SIZES, "text-search-ada-doc-001", "Text-Embedding-3-Small"])
@pytest.mark.parametrize("plan", [STANDARD, GATEWAY], ids=lambda plan: plan.name)
def test_openais_models_become_qwens(model: str, plan: Plan) -> None:
    assert resolve(model, {}, plan) == CURRENT


@pytest.mark.parametrize(
    ("model", "plan", "found"),
    [
        ("text-embedding-v3", STANDARD, "text-embedding-v3"),
        ("Text-Embedding-V3", STANDARD, "text-embedding-v3"),
        ("bge-m3", GATEWAY, "bge-m3"),
        ("vendor/text-embedding-3-small", GATEWAY, "vendor/text-embedding-3-small"),
        ("text-embedding-3-small", SELF_HOSTED, "text-embedding-3-small"),
        ("Qwen3-Embedding-8B", SELF_HOSTED, "Qwen3-Embedding-8B"),
        ("text-embedding-3-small", TOKEN_PLAN, "text-embedding-3-small"),
    ],
)
def test_other_names_stay_as_they_are(model: str, plan: Plan, found: str) -> None:
    assert resolve(model, {}, plan) == found


@pytest.mark.parametrize("plan", [PORTAL, CODING_PLAN], ids=lambda plan: plan.name)
def test_some_kinds_of_upstream_have_no_embeddings(plan: Plan) -> None:
    assert resolve("text-embedding-v4", {"*": "text-embedding-v4"}, plan) is None


@pytest.mark.parametrize(
    ("aliases", "found"),
    [
        ({"text-embedding-3-small": "text-embedding-v3"}, "text-embedding-v3"),
        ({"text-*": "my-embedder"}, "my-embedder"),
        ({"*": "qwen3.7-plus"}, CURRENT),
        ({"*": "qwen3-embedding-8b"}, "qwen3-embedding-8b"),
        ({"gpt-*": "qwen3.7-plus"}, CURRENT),
    ],
    ids=["a name", "a pattern", "one that chats", "one that embeds", "one for others"],
)
def test_the_operators_aliases_come_first_unless_they_lead_to_a_model_that_chats(
    aliases: dict[str, str], found: str
) -> None:
    assert resolve("text-embedding-3-small", aliases, STANDARD) == found


def test_every_kind_of_upstream_is_ruled() -> None:
    assert all(resolve("text-embedding-3-small", {}, plan) != "" for plan in plans.PLANS)
