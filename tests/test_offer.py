"""The models that apps are told of: merged from aliases, what is known and what is listed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from qwenproxy.auth.credentials import NoCredential
from qwenproxy.dialects.listings import Listed
from qwenproxy.endpoints.models import Model
from qwenproxy.lines import Line
from qwenproxy.offer import Offer
from qwenproxy.plans import CODING_PLAN, OFFERED, PORTAL, TOKEN_PLAN
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream

STANDARD = "https://dashscope.aliyuncs.com/compatible-mode/v1"
OWN = "http://127.0.0.1:8000/v1"


def line_to(address: str, settings: Settings) -> Line:
    return Line(Upstream(address, NoCredential(), idle_timeout=1.0), settings)


def offer(address: str, listed: Sequence[str | Listed] | None, **settings: Any) -> Offer:
    chosen = replace(Settings(), **settings)
    models = None if listed is None else [Listed(one) if isinstance(one, str) else one for one in listed]
    return Offer(chosen, line_to(address, chosen), models)


def ids(found: Offer) -> list[str]:
    return [model.id for model in found.models()]


ALIASES: Mapping[str, str] = {"my-model": "qwen-plus", "gpt-4o*": "qwen3-max", "team-*": "qwen-flash"}
EMBEDS = "text-embedding-v4"

MERGED: dict[str, tuple[Offer, list[str]]] = {
    "nothing listed": (offer(STANDARD, None), ["qwen3.7-plus", *(m for m in OFFERED if m != "qwen3.7-plus"), EMBEDS]),
    "all that is listed": (offer(STANDARD, ["qwen-plus", EMBEDS, "wan2.6-t2v"]), ["qwen-plus", EMBEDS, "wan2.6-t2v"]),
    "an empty listing": (offer(STANDARD, []), []),
    "aliases first, wildcards by the names that apps look for": (
        offer(STANDARD, ["qwen-plus"], models=ALIASES),
        ["my-model", "gpt-4o", "gpt-4o-mini", "qwen-plus"],
    ),
    "an alias by the name of a model": (
        offer(STANDARD, ["a", "qwen-plus"], models={"qwen-plus": "a"}),
        ["qwen-plus", "a"],
    ),
    "the operator's default": (offer(STANDARD, ["a"], default_model="qwen3-coder-plus"), ["qwen3-coder-plus", "a"]),
    "a plan whose listing leaves some out": (
        offer(TOKEN_PLAN.base_url, ["qwen3.8-max", "qwen-new"]),
        ["qwen3.7-plus", *(m for m in TOKEN_PLAN.offers if m != "qwen3.7-plus"), "qwen-new"],
    ),
    "a plan that lists none": (
        offer(CODING_PLAN.base_url, None),
        ["qwen3.7-plus", *(m for m in CODING_PLAN.offers if m != "qwen3.7-plus")],
    ),
    "the portal": (offer(PORTAL.base_url, None), list(PORTAL.offers)),
    "a server of one's own": (offer(OWN, ["Qwen/Qwen3-8B", "llama3"]), ["Qwen/Qwen3-8B", "llama3"]),
    "a server of one's own, silent": (offer(OWN, None, default_model="Qwen/Qwen3-8B"), ["Qwen/Qwen3-8B"]),
    "the same with a vendor in front": (
        offer(STANDARD, ["kimi-k3", "kimi/kimi-k3", "glm-5.2", "ZHIPU/GLM-5.2", "other/kimi-k9"]),
        ["kimi-k3", "glm-5.2", "other/kimi-k9"],
    ),
    "a vendor in front that makes a difference": (
        offer(STANDARD, [Listed("kimi-k3", context=1000), Listed("kimi/kimi-k3", context=2000)]),
        ["kimi-k3", "kimi/kimi-k3"],
    ),
}


@pytest.mark.parametrize(("found", "models"), MERGED.values(), ids=MERGED.keys())
def test_models_are_merged_each_once(found: Offer, models: list[str]) -> None:
    assert ids(found) == models


def test_a_twin_that_has_learned_to_differ_is_one_no_more() -> None:
    settings = Settings()
    line = line_to(STANDARD, settings)
    line.learn("kimi/kimi-k3", replace(line.row("kimi-k3"), max_output=9))
    assert ids(Offer(settings, line, [Listed("kimi-k3"), Listed("kimi/kimi-k3")])) == ["kimi-k3", "kimi/kimi-k3"]


OWNERS: dict[str, tuple[Listed, Model]] = {
    "as the upstream says": (Listed("qwen-plus", "system", 7), Model("qwen-plus", "system", 7)),
    "by the family": (Listed("MiniMax-M2.5"), Model("MiniMax-M2.5", "minimax")),
    "not known": (Listed("wan2.6-t2v"), Model("wan2.6-t2v", "unknown")),
}


@pytest.mark.parametrize(("listed", "model"), OWNERS.values(), ids=OWNERS.keys())
def test_owners_are_honest(listed: Listed, model: Model) -> None:
    assert offer(STANDARD, [listed]).models() == [model]


FOUND: dict[str, tuple[Offer, str, Model | None]] = {
    "listed": (offer(STANDARD, ["qwen-plus"]), "qwen-plus", Model("qwen-plus", "qwen")),
    "in another case": (offer(STANDARD, ["MiniMax-M2.5"]), "minimax-m2.5", Model("MiniMax-M2.5", "minimax")),
    "a twin": (offer(STANDARD, ["kimi-k3", "kimi/kimi-k3"]), "kimi/kimi-k3", Model("kimi/kimi-k3", "moonshot")),
    "an alias": (offer(STANDARD, [], models=ALIASES), "my-model", Model("my-model", "qwenproxy")),
    "by a wildcard": (offer(STANDARD, [], models=ALIASES), "team-7", Model("team-7", "qwenproxy")),
    "OpenAI's": (offer(STANDARD, ["qwen3.7-plus"]), "gpt-5.1", Model("gpt-5.1", "qwenproxy")),
    "OpenAI's, that embeds": (
        offer(STANDARD, []),
        "text-embedding-3-small",
        Model("text-embedding-3-small", "qwenproxy"),
    ),
    "OpenAI's, where nothing embeds": (offer(PORTAL.base_url, None), "text-embedding-3-small", None),
    "OpenAI's, where nothing stands in": (offer(OWN, ["a"]), "gpt-5.1", None),
    "a family's, not listed": (offer(STANDARD, ["qwen-plus"]), "qwen-max", None),
    "a family's, no listing": (offer(STANDARD, None), "qwen-max", Model("qwen-max", "qwen")),
    "a family's, listing with gaps": (offer(TOKEN_PLAN.base_url, ["a"]), "qwen-max", Model("qwen-max", "qwen")),
    "nonsense": (offer(STANDARD, None), "nonesuch", None),
    "nothing": (offer(STANDARD, None), "", None),
}


@pytest.mark.parametrize(("found", "name", "model"), FOUND.values(), ids=FOUND.keys())
def test_a_model_is_found_if_calls_for_it_would_be_answered_by_what_is_meant(
    found: Offer, name: str, model: Model | None
) -> None:
    assert found.find(name) == model


LEADS: dict[str, tuple[Offer, str, str]] = {
    "an alias": (offer(STANDARD, None, models=ALIASES), "gpt-4o-mini", "qwen3-max"),
    "the plan's own": (offer(STANDARD, None), "gpt-5", "qwen3.7-plus"),
    "a name as it is": (offer(STANDARD, None), "qwen-max", "qwen-max"),
    "what embeds": (offer(STANDARD, None), "text-embedding-ada-002", EMBEDS),
    "nothing that embeds": (offer(PORTAL.base_url, None), "text-embedding-ada-002", ""),
}


@pytest.mark.parametrize(("found", "name", "target"), LEADS.values(), ids=LEADS.keys())
def test_a_name_leads_where_calls_go(found: Offer, name: str, target: str) -> None:
    assert found.leads_to(name) == target


def test_what_the_upstream_says_can_be_looked_up() -> None:
    found = offer(STANDARD, [Listed("a", context=7)])
    assert found.listed("a") == Listed("a", context=7)
    assert found.listed("b") is None
