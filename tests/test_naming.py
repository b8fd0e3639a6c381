"""What a model's name becomes on each kind of upstream."""

import pytest

from qwenproxy.naming import is_pattern, resolve
from qwenproxy.plans import CODING_PLAN, OLLAMA, PLANS, PORTAL, SELF_HOSTED, STANDARD, Plan

BY_NAME = {plan.name: plan for plan in PLANS}

ALIASES = {"gpt-4o*": "qwen3-max", "gpt-4o-mini*": "qwen-flash", "gpt-4o": "qwen3.8-max", "qwen-plus": "qwen3.7-plus"}

RESOLVED = [
    ("exact before wildcard", "gpt-4o", STANDARD, "", False, "qwen3.8-max"),
    ("longest wildcard", "gpt-4o-mini-2024-07-18", STANDARD, "", False, "qwen-flash"),
    ("wildcard", "gpt-4o-2024-11-20", STANDARD, "", False, "qwen3-max"),
    ("any case", "GPT-4o", STANDARD, "", False, "qwen3.8-max"),
    ("alias of a Qwen name", "qwen-plus", STANDARD, "", False, "qwen3.7-plus"),
    ("alias before images", "gpt-4o", STANDARD, "", True, "qwen3.8-max"),
    ("own name", "qwen3-coder-plus", STANDARD, "qwen-max", False, "qwen3-coder-plus"),
    ("own name, other case", "Qwen3-Coder-Plus", STANDARD, "", False, "qwen3-coder-plus"),
    ("own name with images", "qwen3-coder-plus", STANDARD, "", True, "qwen3-coder-plus"),
    ("own name, self-hosted", "Qwen3-8B", SELF_HOSTED, "", False, "Qwen3-8B"),
    ("default of the plan", "gpt-5.1", STANDARD, "", False, "qwen3.7-plus"),
    ("default of the portal", "gpt-5.1", PORTAL, "", False, "coder-model"),
    ("default of the operator", "gpt-5.1", PORTAL, "qwen3-coder-plus", False, "qwen3-coder-plus"),
    ("default that does not see", "gpt-5.1", PORTAL, "qwen3-coder-plus", True, "vision-model"),
    ("default that sees", "gpt-5.1", PORTAL, "", True, "coder-model"),
    ("own name, Ollama", "Qwen3:8b", OLLAMA, "", False, "Qwen3:8b"),
    ("no default", "llama3", SELF_HOSTED, "", False, "llama3"),
    ("no default, images", "llama3", SELF_HOSTED, "", True, "llama3"),
    ("plan without it", "qwen3-max", CODING_PLAN, "", False, "qwen3-max-2026-01-23"),
    ("plan with it", "qwen3-coder-flash", PORTAL, "", False, "qwen3-coder-flash"),
    ("plan without, seeing", "qwen3-vl-plus", PORTAL, "", False, "vision-model"),
]


@pytest.mark.parametrize(
    ("model", "plan", "default", "images", "expected"), [row[1:] for row in RESOLVED], ids=[row[0] for row in RESOLVED]
)
def test_a_models_name_is_resolved(model: str, plan: Plan, default: str, images: bool, expected: str) -> None:
    assert resolve(model, ALIASES, plan, default, images) == expected


CODERS = {
    "oauth-portal": "qwen3-coder-plus",
    "coding-plan": "qwen3-coder-plus",
    "token-plan": "qwen3.7-plus",
    "workspace": "qwen-coder-plus",
    "standard-intl": "qwen3-coder-plus",
    "standard": "qwen-coder-plus",
    "qianwen": "qwen-coder-plus",
    "qwen-cloud": "qwen3-coder-plus",
    "gateway": "qwen-coder-plus",
    "ollama": "qwen-coder-plus",
    "self-hosted": "qwen-coder-plus",
}


@pytest.mark.parametrize("name", list(BY_NAME))
def test_the_coder_is_found_on_every_plan(name: str) -> None:
    assert resolve("qwen-coder-plus", {}, BY_NAME[name], "", False) == CODERS[name]


def test_what_a_plan_has_in_place_of_a_model_it_has_under_that_name() -> None:
    for plan in PLANS:
        assert all(resolve(target, {}, plan, "", False) == target for _, target in plan.aliases)


@pytest.mark.parametrize(("alias", "many"), [("gpt-4o", False), ("gpt-4o*", True), ("o?", True), ("o[13]", True)])
def test_wildcards_make_an_alias_a_pattern(alias: str, many: bool) -> None:
    assert is_pattern(alias) is many
