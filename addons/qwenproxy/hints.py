"""What to say when a key and a host do not belong together: a table of the key's kind, the host's and the answer.

All of it looks like a bad key to the user.  Source: vendor docs and users' reports, read 2026-11-22.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from qwenproxy.errors import ACCESS_DENIED, UPSTREAM_KEY, ProxyError
from qwenproxy.plans import (
    CODING_PLAN,
    INTERNATIONAL,
    PORTAL,
    QIANWEN,
    QWEN_CLOUD,
    REGIONS,
    STANDARD,
    TOKEN_PLAN,
    VENDORS,
    WORKSPACE,
    Plan,
)


@dataclass(frozen=True, slots=True)
class KeyKind:
    """What a credential is, as far as its beginning and its source tell; without any part of it."""

    name: str
    starts: str = ""
    plans: tuple[Plan, ...] = ()
    """Where it is good."""


METERED = (STANDARD, INTERNATIONAL, QIANWEN, QWEN_CLOUD)

LOGIN = KeyKind("a login at chat.qwen.ai", plans=(PORTAL,))
CODING_KEY = KeyKind("a Coding Plan key", "sk-sp-", (CODING_PLAN,))
TOKEN_KEY = KeyKind("a Token Plan key", "sk-sp-", (TOKEN_PLAN,))
PLAN_KEY = KeyKind("a key of a Coding Plan or a Token Plan", "sk-sp-", (CODING_PLAN, TOKEN_PLAN))
WORKSPACE_KEY = KeyKind("a workspace's key", "sk-ws-", (WORKSPACE, *METERED))
STANDARD_KEY = KeyKind("a pay-as-you-go key", "sk-", METERED)
OTHER_KEY = KeyKind("a key of no known kind")

BY_START = (PLAN_KEY, WORKSPACE_KEY, STANDARD_KEY, OTHER_KEY)
"""The first that fits: all that a key alone tells."""
BY_VARIABLE = {variable: kind for kind in (CODING_KEY, TOKEN_KEY) for plan in kind.plans for variable in plan.variables}
PAID = (STANDARD_KEY, WORKSPACE_KEY)
SUBSCRIBED = (CODING_KEY, TOKEN_KEY, PLAN_KEY)
API_KEYS = (*SUBSCRIBED, *PAID, OTHER_KEY)
NAMED = (LOGIN, CODING_KEY, TOKEN_KEY, *PAID)
"""What a host's users call what it takes."""

OWN_ONLY = "Coding Plan and Token Plan begin their keys alike, but each takes its own only."


@dataclass(frozen=True, slots=True)
class Row:
    """It fits if the key is of one of the kinds *keys*, the host of one of *plans* and the answer one of *statuses*."""

    keys: tuple[KeyKind, ...]
    plans: tuple[Plan, ...]
    statuses: tuple[int, ...]
    why: str
    certain: bool = False
    """Whether it can be told before the first call."""
    instead: tuple[KeyKind, ...] = ()
    """Kinds of keys to name, where the one in use is not the point."""

    def fits(self, kind: KeyKind, plan: Plan) -> bool:
        return kind in self.keys and among(plan, self.plans)


def among(plan: Plan, plans: tuple[Plan, ...]) -> bool:
    """Whether *plan*, perhaps with other addresses, is one of *plans*."""
    return any(plan.name == one.name for one in plans)


REFUSED = (401, 403)

ROWS: tuple[Row, ...] = (
    Row(PAID, (CODING_PLAN,), REFUSED, "The Coding Plan takes its own keys only; others it calls expired.", True),
    Row(SUBSCRIBED, (WORKSPACE, *METERED), REFUSED, "A plan's keys are good at the plan's own hosts only.", True),
    Row((TOKEN_KEY,), (CODING_PLAN,), REFUSED, OWN_ONLY, True),
    Row((CODING_KEY,), (TOKEN_PLAN,), REFUSED, OWN_ONLY, True),
    Row(PAID, (TOKEN_PLAN,), REFUSED, "The Token Plan takes its own keys only."),
    Row(
        PAID,
        (WORKSPACE, *METERED),
        (401,),
        "A key is good only in the region, and with the brand, where it was made.",
    ),
    Row(SUBSCRIBED, (CODING_PLAN, TOKEN_PLAN), (401,), "A plan's key is good for its own plan and region only."),
    Row(
        (LOGIN,),
        tuple(plan for plan in VENDORS if plan is not PORTAL),
        REFUSED,
        "A login is good at the portal only.",
        True,
    ),
    Row((LOGIN,), (PORTAL,), REFUSED, PORTAL.terms, instead=(STANDARD_KEY, CODING_KEY, TOKEN_KEY)),
    Row(API_KEYS, (PORTAL,), REFUSED, "The portal takes logins only.", True),
    Row(
        (LOGIN, *API_KEYS),
        (CODING_PLAN,),
        (405,),
        "The Coding Plan answers coding agents only, by the User-Agent that the app sends.",
        instead=(STANDARD_KEY,),
    ),
    Row((OTHER_KEY,), VENDORS, (401,), "It begins like no key of Qwen's."),
)
"""The first that fits."""

REGION_NAMES = (
    ("-intl.", "Singapore"),
    ("ap-southeast-1", "Singapore"),
    ("-us.", "US"),
    ("us-east-1", "US"),
    ("hongkong", "Hong Kong"),
    ("ap-northeast-1", "Tokyo"),
    ("eu-central-1", "Frankfurt"),
    ("qwencloudapi.com", "international"),
    ("aliyuncs.com", "Beijing"),
    ("qianwenaiapi.com", "mainland China"),
)
ANY_WORKSPACE = f"{WORKSPACE.base_url.replace(REGIONS[0], '{region}')} (region: {', '.join(REGIONS)})"


def key_kind(key: str, source: str = "") -> KeyKind:
    """What *key* is, by its beginning, and where that leaves it open by the variable that ends *source*."""
    kind = next(kind for kind in BY_START if key.startswith(kind.starts))
    return BY_VARIABLE.get(source.rpartition(".")[2], kind) if kind in (PLAN_KEY, OTHER_KEY) else kind


def hint(status: int, kind: KeyKind, plan: Plan, base_url: str) -> str:
    """What may be behind the answer *status* of the upstream at *base_url*, and what would fit; "" if nobody knows."""
    row = next((row for row in ROWS if status in row.statuses and row.fits(kind, plan)), None)
    return _text(row, kind, plan, base_url) if row else ""


def mismatch(kind: KeyKind, plan: Plan, base_url: str) -> str:
    """Why the upstream at *base_url* will refuse the key, and what would fit; "" if nothing is known against it yet."""
    row = next((row for row in ROWS if row.certain and row.fits(kind, plan)), None)
    if row is None:
        return ""
    return f"{_text(row, kind, plan, base_url)} Expect {' or '.join(map(str, row.statuses))}."


NOT_SENT = (
    "No key was sent: the upstream wants one (QWENPROXY_API_KEY, or a key's file in QWENPROXY_API_KEY_FILE).  "
    "The app's own key is never sent on."
)


def explained(error: ProxyError, status: int, kind: KeyKind | None, plan: Plan, base_url: str) -> ProxyError:
    """*error*, made of a refusal with the upstream's own *status*, with the hint if it is the key that was refused.

    *kind* is None if no key was sent.
    """
    if error.failure not in (UPSTREAM_KEY, ACCESS_DENIED):
        return error
    said = hint(status, kind, plan, base_url) if kind is not None else NOT_SENT if status == 401 else ""
    if not said:
        return error
    message = f"{error.message} {said}"
    return ProxyError(
        error.failure, message, param=error.param, retry_after=error.retry_after, headers=error.extra_headers
    )


def _text(row: Row, kind: KeyKind, plan: Plan, base_url: str) -> str:
    used = base_url.rstrip("/")
    pairs = "; ".join(_pairs(row, kind, plan, used))
    return f"Used: {kind.name} at {_place(_masked(used, plan), plan.name)}. {row.why} What fits: {pairs}."


def _pairs(row: Row, kind: KeyKind, plan: Plan, used: str) -> Iterator[str]:
    """What to combine: first the key in use with other hosts, then the host in use with other keys."""
    for one in row.instead or (kind,):
        if urls := _urls(one, used):
            yield f"{one.name} with {', '.join(urls)}"
    takes = next((one for one in NAMED if among(plan, one.plans)), None)
    if not row.instead and takes is not None and not among(plan, kind.plans):
        yield f"{takes.name} with {_masked(used, plan)}"


def _urls(kind: KeyKind, used: str) -> list[str]:
    """Where a key of *kind* may be good, but for the address in use."""
    urls = dict.fromkeys(url for plan in kind.plans if plan is not WORKSPACE for url in plan.base_urls)
    found = [_place(url) for url in urls if urlsplit(url).hostname != urlsplit(used).hostname]
    return [*([ANY_WORKSPACE] if WORKSPACE in kind.plans else []), *found]


def _place(url: str, *more: str) -> str:
    region = next((name for part, name in REGION_NAMES if part in url), "")
    words = ", ".join(filter(None, (*more, region)))
    return f"{url} ({words})" if words else url


def _masked(url: str, plan: Plan) -> str:
    """*url* without the workspace, which is a part of its keys."""
    if plan.name != WORKSPACE.name:
        return url
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{{workspace}}.{rest.partition('.')[2]}"


def plans_table() -> str:
    """What belongs together, in Markdown, for the README."""
    lines = ["| kind | base URLs | keys | terms |", "|---|---|---|---|"]
    return "\n".join([*lines, *map(_plan_row, VENDORS)]) + "\n"


def _plan_row(plan: Plan) -> str:
    urls = [ANY_WORKSPACE] if plan is WORKSPACE else map(_place, plan.base_urls)
    kinds = [kind for kind in NAMED if among(plan, kind.plans)]
    variables = "".join(f", `{variable}`" for variable in plan.variables)
    return f"| `{plan.name}` | {_code(urls)} | {_listed(kinds)}{variables} | {plan.terms} |"


def hints_table() -> str:
    """What is said about which refusal, in Markdown, for the README."""
    lines = ["| key | at | answer | what it means |", "|---|---|---|---|"]
    return "\n".join([*lines, *map(_hint_row, ROWS)]) + "\n"


def _hint_row(row: Row) -> str:
    plans = "any other" if len(row.plans) > len(METERED) + 1 else ", ".join(f"`{plan.name}`" for plan in row.plans)
    statuses = " or ".join(map(str, row.statuses))
    return f"| {_listed(row.keys)} | {plans} | {statuses} | {row.why} |"


def _listed(kinds: Sequence[KeyKind]) -> str:
    if len(kinds) >= len(API_KEYS):
        return "any" if LOGIN in kinds else "any API key"
    told = [PLAN_KEY] if PLAN_KEY in kinds else kinds
    return ", ".join(f"{kind.name} (`{kind.starts}...`)" if kind.starts else kind.name for kind in told)


def _code(urls: Iterable[str]) -> str:
    """URLs in code font, what is said of them beside it."""
    parts = (url.partition(" ") for url in urls)
    return "<br>".join(f"`{url}` {more}".rstrip() for url, _, more in parts)
