"""Kinds of upstream: how they are recognised, their faces, and what a model's name becomes on each."""

from dataclasses import replace

import pytest

from qwenproxy.models import row_of
from qwenproxy.plans import (
    CODING_PLAN,
    GATEWAY,
    INTERNATIONAL,
    PLANS,
    PORTAL,
    QIANWEN,
    QWEN_CLOUD,
    SELF_HOSTED,
    STANDARD,
    TOKEN_PLAN,
    VENDORS,
    WORKSPACE,
    Face,
    Plan,
    face_of,
    face_url,
    kind_of,
    plan_of_key,
    resolve,
    row_on,
    trimmed,
)

BY_NAME = {plan.name: plan for plan in PLANS}

KINDS = [
    ("https://portal.qwen.ai/v1", PORTAL),
    ("portal.qwen.ai", PORTAL),
    ("https://dashscope.aliyuncs.com/compatible-mode/v1", STANDARD),
    ("https://DashScope.aliyuncs.com", STANDARD),
    ("https://cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1", STANDARD),
    ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", INTERNATIONAL),
    ("https://dashscope-us.aliyuncs.com/api/v1", INTERNATIONAL),
    ("https://ws-7.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", WORKSPACE),
    ("https://coding.dashscope.aliyuncs.com/v1", CODING_PLAN),
    ("https://coding-intl.dashscope.aliyuncs.com/v1", CODING_PLAN),
    ("https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1", TOKEN_PLAN),
    ("https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", TOKEN_PLAN),
    ("https://token-plan.maas.qianwenaiapi.com/compatible-mode/v1", TOKEN_PLAN),
    ("https://token-plan.maas.qwencloudapi.com/compatible-mode/v1", TOKEN_PLAN),
    ("https://ws-7.eu-central-1.maas.aliyuncs.com/compatible-mode/v1", WORKSPACE),
    ("https://maas.qianwenaiapi.com/compatible-mode/v1", QIANWEN),
    ("https://maas.qwencloudapi.com/api/v1", QWEN_CLOUD),
    ("https://maas.qwencloudapi.com.example.test/v1", SELF_HOSTED),
    ("http://127.0.0.1:8000/v1", SELF_HOSTED),
    ("http://localhost:11434/v1", SELF_HOSTED),
    ("http://127.0.0.1:9/compatible-mode/v1", GATEWAY),
    ("http://127.0.0.1:9/api/v1", GATEWAY),
    ("http://127.0.0.1:9/v1beta", GATEWAY),
    ("", SELF_HOSTED),
]


@pytest.mark.parametrize(("base_url", "plan"), KINDS, ids=[row[0] or "empty" for row in KINDS])
def test_a_base_url_tells_the_kind_of_upstream(base_url: str, plan: Plan) -> None:
    assert kind_of(base_url) is plan


SHARED = {QIANWEN.name: STANDARD, QWEN_CLOUD.name: INTERNATIONAL}
"""Brands whose older keys are good at another kind's host."""


@pytest.mark.parametrize("plan", VENDORS, ids=lambda plan: plan.name)
def test_every_base_url_is_of_its_own_kind(plan: Plan) -> None:
    kinds = [kind_of(url) for url in plan.base_urls]
    assert plan in kinds
    assert all(kind in (plan, SHARED.get(plan.name)) for kind in kinds)


@pytest.mark.parametrize("plan", VENDORS, ids=lambda plan: plan.name)
def test_every_plan_of_the_vendor_says_its_terms_in_one_sentence(plan: Plan) -> None:
    assert plan.terms.endswith(".")
    assert "\n" not in plan.terms


def test_only_the_portal_has_a_known_limit_of_calls() -> None:
    assert [(plan.name, plan.per_minute) for plan in PLANS if plan.per_minute is not None] == [("oauth-portal", 60)]


def test_the_terms_tell_what_costs_people_most_time() -> None:
    assert "coding agents only" in CODING_PLAN.terms
    assert "User-Agent" in CODING_PLAN.terms
    assert "2026-04-15" in PORTAL.terms


def test_a_login_makes_an_unknown_host_a_portal_but_no_known_one() -> None:
    assert kind_of("http://127.0.0.1:9/v1", oauth=True) is PORTAL
    assert kind_of("https://dashscope.aliyuncs.com/compatible-mode/v1", oauth=True) is STANDARD


KEYS = [
    ("sk-sp-abc", "", CODING_PLAN.name, "https://coding.dashscope.aliyuncs.com/v1"),
    ("sk-sp-abc", "BAILIAN_CODING_PLAN_API_KEY", CODING_PLAN.name, CODING_PLAN.base_url),
    ("sk-sp-abc", "BAILIAN_TOKEN_PLAN_API_KEY", TOKEN_PLAN.name, TOKEN_PLAN.base_url),
    ("sk-sp-abc", "DASHSCOPE_API_KEY", CODING_PLAN.name, CODING_PLAN.base_url),
    ("sk-sp-H.a.b.c", "", TOKEN_PLAN.name, TOKEN_PLAN.base_url),
    ("sk-sp-D.a.b.c", "DASHSCOPE_API_KEY", TOKEN_PLAN.name, TOKEN_PLAN.base_url),
    ("sk-sp-H.a.b.c", "BAILIAN_CODING_PLAN_API_KEY", CODING_PLAN.name, CODING_PLAN.base_url),
    ("sk-abc", "", STANDARD.name, "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    ("sk-ws-H.ws7.x.y", "", WORKSPACE.name, "https://ws7.cn-beijing.maas.aliyuncs.com/compatible-mode/v1"),
    ("tp-1", "BAILIAN_TOKEN_PLAN_API_KEY", TOKEN_PLAN.name, TOKEN_PLAN.base_url),
    ("sk-1", "BAILIAN_CODING_PLAN_API_KEY", CODING_PLAN.name, CODING_PLAN.base_url),
    ("sk-1", "QWEN_AI_PLATFORM_API_KEY", QIANWEN.name, STANDARD.base_url),
    ("sk-1", "QWENCLOUD_API_KEY", QWEN_CLOUD.name, "https://maas.qwencloudapi.com/compatible-mode/v1"),
    ("sk-1", "DASHSCOPE_API_KEY", STANDARD.name, STANDARD.base_url),
    ("anything", "", STANDARD.name, STANDARD.base_url),
]


@pytest.mark.parametrize(("key", "variable", "name", "base_url"), KEYS, ids=[f"{row[0]} {row[1]}" for row in KEYS])
def test_a_key_alone_tells_where_to_try_it(key: str, variable: str, name: str, base_url: str) -> None:
    plan = plan_of_key(key, variable)
    assert (plan.name, plan.base_url) == (name, base_url)


FACES: list[tuple[str, Face, str]] = [
    (STANDARD.base_url, "dashscope", "https://dashscope.aliyuncs.com/api/v1"),
    ("https://dashscope.aliyuncs.com/api/v1", "compatible", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/compatible-mode", "compatible", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/apps/anthropic/v1/", "compatible", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/apps/anthropic", "dashscope", "https://dashscope.aliyuncs.com/api/v1"),
    ("https://dashscope.aliyuncs.com", "compatible", STANDARD.base_url),
    ("https://coding.dashscope.aliyuncs.com/v1", "compatible", "https://coding.dashscope.aliyuncs.com/v1"),
    ("https://portal.qwen.ai/v1", "compatible", "https://portal.qwen.ai/v1"),
    ("http://127.0.0.1:9/compatible-mode/v1", "contents", "http://127.0.0.1:9/v1beta"),
    ("http://127.0.0.1:9/v1beta", "compatible", "http://127.0.0.1:9/compatible-mode/v1"),
    ("http://127.0.0.1:8000/v1", "dashscope", "http://127.0.0.1:8000/api/v1"),
]


@pytest.mark.parametrize(("base_url", "face", "url"), FACES, ids=[f"{row[0]} {row[1]}" for row in FACES])
def test_one_face_is_derived_from_another(base_url: str, face: Face, url: str) -> None:
    assert face_url(base_url, face) == url


NO_FACES: list[tuple[Plan, Face]] = [
    (CODING_PLAN, "dashscope"),
    (PORTAL, "dashscope"),
    (STANDARD, "contents"),
]


@pytest.mark.parametrize(("plan", "face"), NO_FACES, ids=[f"{plan.name} {face}" for plan, face in NO_FACES])
def test_a_face_that_a_plan_has_not_is_not_made_up(plan: Plan, face: Face) -> None:
    with pytest.raises(ValueError, match=f"{plan.name} has no {face} face"):
        face_url(plan.base_url, face)


DIALECTS: list[tuple[str, Face]] = [
    ("https://dashscope.aliyuncs.com/compatible-mode/v1", "compatible"),
    ("https://dashscope.aliyuncs.com/api/v1/", "dashscope"),
    ("http://127.0.0.1:9/v1beta", "contents"),
    ("http://127.0.0.1:9/v1", "compatible"),
]


@pytest.mark.parametrize(("base_url", "face"), DIALECTS, ids=[row[0] for row in DIALECTS])
def test_the_end_of_a_base_url_tells_its_dialect(base_url: str, face: Face) -> None:
    assert face_of(base_url) == face


TRIMMED = [
    ("https://dashscope.aliyuncs.com/compatible-mode/v1/", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions/chat/completions/", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com", STANDARD.base_url),
    ("https://coding.dashscope.aliyuncs.com", CODING_PLAN.base_url),
    ("https://gateway.test/qwen", "https://gateway.test/qwen"),
]


@pytest.mark.parametrize(("base_url", "url"), TRIMMED, ids=[row[0] for row in TRIMMED])
def test_a_base_url_is_cleaned_of_what_people_leave_at_its_end(base_url: str, url: str) -> None:
    assert trimmed(base_url) == url


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
    "self-hosted": "qwen-coder-plus",
}


@pytest.mark.parametrize("name", list(BY_NAME))
def test_the_coder_is_found_on_every_plan(name: str) -> None:
    assert resolve("qwen-coder-plus", {}, BY_NAME[name], "", False) == CODERS[name]


def test_a_plans_defaults_are_models_that_do_what_they_are_for() -> None:
    for plan in PLANS:
        assert not plan.vision_model or row_of(plan.vision_model).vision
        assert all(resolve(target, {}, plan, "", False) == target for _, target in plan.aliases)


def test_a_plan_overrules_the_row_of_a_model() -> None:
    assert row_on("qwen3-8b", STANDARD) == row_of("qwen3-8b")
    assert row_on("qwen3-8b", SELF_HOSTED) == replace(row_of("qwen3-8b"), **SELF_HOSTED.differs)
