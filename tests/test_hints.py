"""Hints: what is said when a key and a host do not belong together, and what would."""

from itertools import product
from typing import NamedTuple

import pytest

from qwenproxy import hints, plans
from qwenproxy.auth.keys import plan_of_key
from qwenproxy.errors import ACCESS_DENIED, CONTENT_FILTER, QUOTA, UPSTREAM_KEY, Failure, ProxyError
from qwenproxy.hints import (
    API_KEYS,
    CODING_KEY,
    LOGIN,
    OTHER_KEY,
    PLAN_KEY,
    ROWS,
    STANDARD_KEY,
    TOKEN_KEY,
    WORKSPACE_KEY,
    KeyKind,
    explained,
    hint,
    hints_table,
    key_kind,
    mismatch,
    plans_table,
)

CODING = "https://coding.dashscope.aliyuncs.com/v1"
CODING_INTL = "https://coding-intl.dashscope.aliyuncs.com/v1"
TOKEN = "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1"
TOKEN_INTL = "https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1"
BEIJING = "https://dashscope.aliyuncs.com/compatible-mode/v1"
SINGAPORE = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
US = "https://dashscope-us.aliyuncs.com/compatible-mode/v1"
HONG_KONG = "https://cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1"
PORTAL = "https://portal.qwen.ai/v1"
WORKSPACE = "https://ws-7.eu-central-1.maas.aliyuncs.com/compatible-mode/v1"

SECRET = "s3cr3tw0rd"

KINDS = [
    (f"sk-{SECRET}", "", STANDARD_KEY),
    (f"sk-{SECRET}", "DASHSCOPE_API_KEY", STANDARD_KEY),
    (f"sk-{SECRET}", "BAILIAN_CODING_PLAN_API_KEY", STANDARD_KEY),
    (f"sk-sp-{SECRET}", "", PLAN_KEY),
    (f"sk-sp-{SECRET}", "DASHSCOPE_API_KEY", PLAN_KEY),
    (f"sk-sp-{SECRET}", "BAILIAN_CODING_PLAN_API_KEY", CODING_KEY),
    (f"sk-sp-{SECRET}", "/home/a/.qwen/settings.json: env.BAILIAN_TOKEN_PLAN_API_KEY", TOKEN_KEY),
    (SECRET, "BAILIAN_TOKEN_PLAN_API_KEY", TOKEN_KEY),
    (f"sk-ws-H.ws-7.{SECRET}", "", WORKSPACE_KEY),
    (f"sk-sp-{SECRET}", "MY_BAILIAN_TOKEN_PLAN_API_KEY", PLAN_KEY),
    (SECRET, "QWENPROXY_API_KEY", OTHER_KEY),
]


@pytest.mark.parametrize(
    ("key", "source", "kind"), KINDS, ids=[f"{key.replace(SECRET, '…')} {source}" for key, source, _ in KINDS]
)
def test_a_keys_beginning_and_its_variable_tell_its_kind(key: str, source: str, kind: KeyKind) -> None:
    assert key_kind(key, source) is kind


class Case(NamedTuple):
    """What is said, and at the start already if `certain`."""

    key: str
    base_url: str
    status: int
    used: str
    why: str
    fits: tuple[str, ...]
    certain: bool = True
    source: str = ""


CASES = {
    "standard key, coding host": Case(
        "sk-",
        CODING,
        401,
        f"Used: a pay-as-you-go key at {CODING} (coding-plan, Beijing).",
        "The Coding Plan takes its own keys only",
        ("a pay-as-you-go key with", BEIJING, SINGAPORE, US, HONG_KONG, f"a Coding Plan key with {CODING}"),
    ),
    "plan's key, general host": Case(
        "sk-sp-",
        SINGAPORE,
        403,
        f"Used: a key of a Coding Plan or a Token Plan at {SINGAPORE} (standard-intl, Singapore).",
        "A plan's keys are good at the plan's own hosts only.",
        (CODING, CODING_INTL, TOKEN, TOKEN_INTL, f"a pay-as-you-go key with {SINGAPORE}"),
    ),
    "token plan's key, coding host": Case(
        "sk-sp-",
        CODING,
        401,
        f"Used: a Token Plan key at {CODING} (coding-plan, Beijing).",
        "Coding Plan and Token Plan begin their keys alike, but each takes its own only.",
        (TOKEN, TOKEN_INTL, f"a Coding Plan key with {CODING}"),
        source="BAILIAN_TOKEN_PLAN_API_KEY",
    ),
    "coding plan's key, token host": Case(
        "sk-sp-",
        TOKEN,
        401,
        f"Used: a Coding Plan key at {TOKEN} (token-plan, Beijing).",
        "Coding Plan and Token Plan begin their keys alike, but each takes its own only.",
        (CODING, CODING_INTL, f"a Token Plan key with {TOKEN}"),
        source="BAILIAN_CODING_PLAN_API_KEY",
    ),
    "standard key, token host": Case(
        "sk-",
        TOKEN_INTL,
        401,
        f"Used: a pay-as-you-go key at {TOKEN_INTL} (token-plan, Singapore).",
        "The Token Plan takes its own keys only.",
        (BEIJING, SINGAPORE, f"a Token Plan key with {TOKEN_INTL}"),
        certain=False,
    ),
    "Chinese key, international host": Case(
        "sk-",
        SINGAPORE,
        401,
        f"Used: a pay-as-you-go key at {SINGAPORE} (standard-intl, Singapore).",
        "A key is good only in the region",
        (f"a pay-as-you-go key with {BEIJING} (Beijing)", HONG_KONG, US),
        certain=False,
    ),
    "international key, Chinese host": Case(
        "sk-",
        BEIJING,
        401,
        f"Used: a pay-as-you-go key at {BEIJING} (standard, Beijing).",
        "A key is good only in the region",
        (f"{SINGAPORE} (Singapore)", f"{US} (US)", "https://maas.qwencloudapi.com/compatible-mode/v1 (international)"),
        certain=False,
    ),
    "workspace's key, other region": Case(
        f"sk-ws-H.ws-7.{SECRET}",
        WORKSPACE,
        401,
        "Used: a workspace's key at https://{workspace}.eu-central-1.maas.aliyuncs.com/compatible-mode/v1 "
        "(workspace, Frankfurt).",
        "A key is good only in the region",
        ("https://{workspace}.{region}.maas.aliyuncs.com/compatible-mode/v1 (region: cn-beijing, ap-southeast-1, ",),
        certain=False,
    ),
    "plan's key, one of the plans": Case(
        "sk-sp-",
        CODING,
        401,
        f"Used: a key of a Coding Plan or a Token Plan at {CODING} (coding-plan, Beijing).",
        "A plan's key is good for its own plan and region only.",
        (CODING_INTL, TOKEN, TOKEN_INTL),
        certain=False,
    ),
    "API key, portal": Case(
        "sk-",
        PORTAL,
        401,
        f"Used: a pay-as-you-go key at {PORTAL} (oauth-portal).",
        "The portal takes logins only.",
        (BEIJING, SINGAPORE, f"a login at chat.qwen.ai with {PORTAL}"),
    ),
    "coding plan, other app": Case(
        "sk-sp-",
        CODING_INTL,
        405,
        f"Used: a key of a Coding Plan or a Token Plan at {CODING_INTL} (coding-plan, Singapore).",
        "The Coding Plan answers coding agents only, by the User-Agent that the app sends.",
        (f"a pay-as-you-go key with {BEIJING}", SINGAPORE),
        certain=False,
    ),
    "no key of Qwen's": Case(
        "",
        BEIJING,
        401,
        f"Used: a key of no known kind at {BEIJING} (standard, Beijing).",
        "It begins like no key of Qwen's.",
        (f"a pay-as-you-go key with {BEIJING}",),
        certain=False,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_refusal_names_the_pair_in_use_and_those_that_would_fit(case: Case) -> None:
    key, plan = case.key + SECRET, plans.kind_of(case.base_url)
    kind = key_kind(key, case.source)
    said = hint(case.status, kind, plan, case.base_url)
    assert said.startswith(f"{case.used} {case.why}")
    fitting = said.partition(" What fits: ")[2]
    assert [pair for pair in case.fits if pair not in fitting] == []
    assert SECRET not in said
    assert "ws-7" not in said
    told = mismatch(kind, plan, case.base_url)
    assert told == (f"{said} Expect 401 or 403." if case.certain else "")


LOGINS = {"dashscope host": (BEIJING, "A login is good at the portal only.", PORTAL), "portal": (PORTAL, "", BEIJING)}


@pytest.mark.parametrize(("base_url", "why", "fits"), LOGINS.values(), ids=LOGINS.keys())
def test_a_refused_login_is_told_where_it_is_good_and_that_it_may_be_over(base_url: str, why: str, fits: str) -> None:
    plan = plans.kind_of(base_url)
    said = hint(401, LOGIN, plan, base_url)
    assert said.startswith(f"Used: a login at chat.qwen.ai at {base_url}")
    assert (why or plans.PORTAL.terms) in said
    assert fits in said.partition(" What fits: ")[2]
    assert (mismatch(LOGIN, plan, base_url) != "") == (plan is not plans.PORTAL)


def test_the_login_of_a_portal_elsewhere_is_that_of_the_portal() -> None:
    plan = plans.kind_of("http://127.0.0.1:9/v1", oauth=True)
    assert "2026-04-15" in hint(401, LOGIN, plan, "http://127.0.0.1:9/v1")


SILENT = [
    (200, STANDARD_KEY, BEIJING),
    (429, STANDARD_KEY, BEIJING),
    (403, STANDARD_KEY, BEIJING),
    (405, STANDARD_KEY, BEIJING),
    (401, STANDARD_KEY, "http://127.0.0.1:8000/v1"),
    (401, PLAN_KEY, "https://gateway.test/compatible-mode/v1"),
]


@pytest.mark.parametrize(("status", "kind", "base_url"), SILENT, ids=[f"{s} {k.name} {u}" for s, k, u in SILENT])
def test_nothing_is_said_where_nothing_is_known(status: int, kind: KeyKind, base_url: str) -> None:
    assert hint(status, kind, plans.kind_of(base_url), base_url) == ""


def test_each_kind_of_key_at_each_host_of_the_vendor_has_its_word_for_a_401() -> None:
    """Also where both seem right: then the region may be wrong, or the login over."""
    for kind, plan in product((LOGIN, *API_KEYS), plans.VENDORS):
        for base_url in plan.base_urls:
            assert hint(401, kind, plan, base_url).startswith(f"Used: {kind.name} at ")


def test_a_workspace_that_a_key_names_is_known_by_its_kind() -> None:
    key = f"sk-ws-H.ws-7.{SECRET}"
    plan = plan_of_key(key)
    said = hint(401, key_kind(key), plan, plan.base_url)
    assert "{workspace}" in said
    assert "ws-7" not in said


ERRORS = [(UPSTREAM_KEY, 401, True), (ACCESS_DENIED, 405, True), (QUOTA, 401, False), (CONTENT_FILTER, 401, False)]


@pytest.mark.parametrize(("failure", "status", "said"), ERRORS, ids=[f"{row[0].code} {row[1]}" for row in ERRORS])
def test_an_error_about_the_key_is_explained_and_no_other(failure: Failure, status: int, said: bool) -> None:
    error = ProxyError(failure, "No.", param="model", retry_after=3.0, headers={"allow": "GET"})
    found = explained(error, status, PLAN_KEY, plans.CODING_PLAN, CODING)
    assert found.message.startswith("No. Used: ") == said
    assert found.failure is failure
    assert (found.param, found.retry_after, found.extra_headers) == ("model", 3.0, {"allow": "GET"})


def test_without_a_key_a_refused_one_is_said_to_be_missing() -> None:
    error = ProxyError(UPSTREAM_KEY, "No.")
    found = explained(error, 401, None, plans.STANDARD, BEIJING)
    assert found.message.startswith("No. No key was sent: the upstream wants one")
    assert explained(error, 403, None, plans.STANDARD, BEIJING) is error


def test_the_tables_have_a_line_for_each_row() -> None:
    lines = hints_table().splitlines()
    assert len(lines) == 2 + len(ROWS)
    assert lines[0] == "| key | at | answer | what it means |"
    assert all(row.why in line for row, line in zip(ROWS, lines[2:], strict=True))
    assert len(plans_table().splitlines()) == 2 + len(plans.VENDORS)


@pytest.mark.parametrize("plan", plans.VENDORS, ids=lambda plan: plan.name)
def test_the_table_of_plans_names_addresses_keys_and_terms(plan: plans.Plan) -> None:
    line = next(line for line in plans_table().splitlines() if line.startswith(f"| `{plan.name}` |"))
    urls = [hints.ANY_WORKSPACE.partition(" ")[0]] if plan is plans.WORKSPACE else plan.base_urls
    told = [*urls, *plan.variables, plan.terms]
    assert [word for word in told if word not in line] == []
