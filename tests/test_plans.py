"""Kinds of upstream: how they are recognised, their faces, and what a model's name becomes on each."""

from dataclasses import replace

import pytest

from qwenproxy.models import canonical, row_of
from qwenproxy.plans import (
    CODING_PLAN,
    GATEWAY,
    INTERNATIONAL,
    OLLAMA,
    PLANS,
    PORTAL,
    QIANWEN,
    QWEN_CLOUD,
    SELF_HOSTED,
    STANDARD,
    TOKEN_PLAN,
    VENDORS,
    WORKSPACE,
    Plan,
    kind_of,
    row_on,
)

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
    ("http://localhost:11434/v1", OLLAMA),
    ("http://localhost:11434/api/v1", GATEWAY),
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


def test_a_plans_defaults_are_models_that_do_what_they_are_for() -> None:
    for plan in PLANS:
        assert not plan.vision_model or row_of(plan.vision_model).vision


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_what_a_plan_offers_are_models_that_the_table_knows(plan: Plan) -> None:
    families = [canonical(model) for model in plan.offers]
    assert families == list(plan.offers)
    assert len(set(families)) == len(families)
    assert plan.self_hosted or plan.default_model in plan.offers


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_where_a_plan_differs_a_row_has_such_a_field(plan: Plan) -> None:
    assert row_on("qwen3-8b", plan).source


def test_a_plan_overrules_the_row_of_a_model() -> None:
    assert row_on("qwen3-8b", STANDARD) == row_of("qwen3-8b")
    assert row_on("qwen3-8b", SELF_HOSTED) == replace(row_of("qwen3-8b"), **SELF_HOSTED.differs)
