"""Kinds of upstream as rows: how each is recognised, where its faces are, where it differs from a model's row.

A branch on a host's name anywhere else is a missing row.  Source: vendor docs and clients' source, read 2026-11-22; for
the hosts of Qwen Cloud and platform.qianwenai.com, their pages as clients of 2026-10 quote them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import urlsplit

from qwenproxy.models import Row, canonical, row_of

type Face = Literal["compatible", "dashscope", "contents"]
FACES: tuple[Face, ...] = ("compatible", "dashscope", "contents")
type Aliases = Iterable[tuple[str, str]]

HOSTED: Mapping[Face, str] = {"compatible": "/compatible-mode/v1", "dashscope": "/api/v1"}
"""One DashScope host and key carries several faces."""
CURRENT = "qwen3.7-plus"
"""A current model that sees and thinks, offered by every plan but the portal."""
CODERS: Aliases = (("qwen-coder-turbo*", "qwen3-coder-flash"), ("qwen-coder*", "qwen3-coder-plus"))
"""The old coder models, where only their successors are offered."""
REGIONS = ("cn-beijing", "ap-southeast-1", "us-east-1", "ap-northeast-1", "cn-hongkong", "eu-central-1")
"""Where workspaces are; the first is the default one."""
TOKEN_HOSTS = (
    "token-plan.cn-beijing.maas.aliyuncs.com",
    "token-plan.ap-southeast-1.maas.aliyuncs.com",
    "token-plan.maas.qianwenaiapi.com",
    "token-plan.maas.qwencloudapi.com",
)
PAY_AS_YOU_GO = "Pay-as-you-go by tokens; a key is good in the region where it was made."


@dataclass(frozen=True, slots=True)
class Plan:
    """One kind of upstream."""

    name: str
    base_urls: tuple[str, ...] = ()
    """Its OpenAI faces; the first is the default one, the others are other regions."""
    hosts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """What its API keys begin with, where that tells them apart."""
    variables: tuple[str, ...] = ()
    """Environment variables that hold its key."""
    default_model: str = CURRENT
    vision_model: str = CURRENT
    aliases: Aliases = ()
    """Models that this kind has not -> the nearest one that it has."""
    faces: Mapping[Face, str] = field(default_factory=lambda: HOSTED)
    headers: Mapping[str, str] = field(default_factory=dict)
    portal_shape: bool = False
    """Wants a system message of parts, the last with `cache_control`, or answers 400 "bad request"."""
    template_kwargs: bool = False
    """Takes `enable_thinking` in `chat_template_kwargs`, and no DashScope extras (vLLM, SGLang)."""
    leaks_calls: bool = False
    """Writes tool calls into the text, where its own parser for them is off."""
    forwards_user_agent: bool = False
    """Looks at the agent's own User-Agent, which must therefore be the app's."""
    tolerates_extras: bool = False
    differs: Mapping[str, Any] = field(default_factory=dict)
    """Fields of a model's row that have another value here."""
    per_minute: int | None = None
    """Calls a minute that one credential may make, where that is known."""
    terms: str = ""
    """What its user should know, in one sentence."""

    @property
    def base_url(self) -> str:
        return self.base_urls[0] if self.base_urls else ""


def _hosted(*hosts: str) -> tuple[str, ...]:
    """The OpenAI faces of DashScope's *hosts*."""
    return tuple(f"https://{host}{HOSTED['compatible']}" for host in hosts)


PORTAL = Plan(
    name="oauth-portal",
    base_urls=("https://portal.qwen.ai/v1",),
    hosts=("portal.qwen.ai", "*.qwen.ai"),
    default_model="coder-model",
    vision_model="vision-model",
    aliases=(
        ("qwen3-coder-flash", "qwen3-coder-flash"),
        ("qwen3-coder*", "qwen3-coder-plus"),
        *CODERS,
        ("qwen*vl*", "vision-model"),
        ("qwen*", "coder-model"),
    ),
    faces={"compatible": "/v1"},
    headers={"x-dashscope-authtype": "qwen-oauth", "x-dashscope-cachecontrol": "enable"},
    portal_shape=True,
    per_minute=60,
    terms="The free tier for logins ended on 2026-04-15: signing in still works, calls are refused.",
)
CODING_PLAN = Plan(
    name="coding-plan",
    base_urls=("https://coding.dashscope.aliyuncs.com/v1", "https://coding-intl.dashscope.aliyuncs.com/v1"),
    hosts=("coding.dashscope.aliyuncs.com", "coding-*.dashscope.aliyuncs.com"),
    keys=("sk-sp-",),
    variables=("BAILIAN_CODING_PLAN_API_KEY",),
    aliases=(
        ("qwen-coder*", "qwen3-coder-plus"),
        *((name, "qwen3-coder-next") for name in ("qwen-coder-turbo*", "qwen3-coder-flash*")),
        *((name, "qwen3-max-2026-01-23") for name in ("qwen3-max", "qwen-max*")),
        *((name, CURRENT) for name in ("qwen-plus*", "qwen-flash*", "qwen-turbo*")),
    ),
    faces={"compatible": "/v1"},
    forwards_user_agent=True,
    terms="For coding agents only, by their own User-Agent, which is passed on; quotas by 5 hours, week and month.",
)
TOKEN_PLAN = Plan(
    name="token-plan",
    base_urls=_hosted(*TOKEN_HOSTS),
    hosts=("token-plan.*.maas.aliyuncs.com", *TOKEN_HOSTS),
    keys=("sk-sp-", "sk-sp-D.", "sk-sp-H."),
    variables=("BAILIAN_TOKEN_PLAN_API_KEY",),
    aliases=(
        ("qwen3.8-max-preview", "qwen3.8-max"),
        *((name, "qwen3.7-max") for name in ("qwen-max*", "qwen3-max*")),
        *(
            (name, "qwen3.6-flash")
            for name in ("qwen-flash*", "qwen-turbo*", "qwen-coder-turbo*", "qwen3-coder-flash*")
        ),
        *((name, CURRENT) for name in ("qwen-plus*", "qwen-coder*", "qwen3-coder*")),
    ),
    terms="Paid in credits, for interactive coding and agent tools; no fallback to pay-as-you-go.",
)
WORKSPACE = Plan(
    name="workspace",
    base_urls=_hosted(*(f"{{workspace}}.{region}.maas.aliyuncs.com" for region in REGIONS)),
    hosts=("*.maas.aliyuncs.com",),
    keys=("sk-ws-",),
    terms="Pay-as-you-go by tokens; a key is good for its workspace, in its region.",
)
INTERNATIONAL = Plan(
    name="standard-intl",
    base_urls=_hosted("dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com"),
    hosts=("dashscope-*.aliyuncs.com",),
    aliases=CODERS,
    terms=PAY_AS_YOU_GO,
)
STANDARD = Plan(
    name="standard",
    base_urls=_hosted("dashscope.aliyuncs.com", "cn-hongkong.dashscope.aliyuncs.com"),
    hosts=("dashscope.aliyuncs.com", "*.dashscope.aliyuncs.com"),
    keys=("",),
    variables=("DASHSCOPE_API_KEY",),
    terms=PAY_AS_YOU_GO,
)
QIANWEN = Plan(
    name="qianwen",
    base_urls=(STANDARD.base_url, *_hosted("maas.qianwenaiapi.com")),
    hosts=("maas.qianwenaiapi.com",),
    variables=("QWEN_AI_PLATFORM_API_KEY",),
    terms=PAY_AS_YOU_GO,
)
QWEN_CLOUD = Plan(
    name="qwen-cloud",
    base_urls=(*_hosted("maas.qwencloudapi.com"), INTERNATIONAL.base_url),
    hosts=("maas.qwencloudapi.com",),
    variables=("QWENCLOUD_API_KEY",),
    aliases=CODERS,
    terms=PAY_AS_YOU_GO,
)
GATEWAY = Plan(name="gateway", faces={**HOSTED, "contents": "/v1beta"})
"""Somebody's own host that serves DashScope's paths."""
SELF_HOSTED = Plan(
    name="self-hosted",
    default_model="",
    vision_model="",
    faces={"compatible": "/v1", "dashscope": "/api/v1", "contents": "/v1beta"},
    template_kwargs=True,
    leaks_calls=True,
    tolerates_extras=True,
    differs={
        "extras": True,
        "forced_choice_while_thinking": True,
        "json_word": False,
        "json_while_thinking": True,
        "logprobs": True,
        "max_choices": 128,
        "reserved_names": frozenset(),
        "search": False,
        "thinks_only_streaming": False,
    },
)
"""vLLM, SGLang, Ollama, llama.cpp."""

VENDORS = (PORTAL, CODING_PLAN, TOKEN_PLAN, WORKSPACE, INTERNATIONAL, STANDARD, QIANWEN, QWEN_CLOUD)
KEYLESS = (GATEWAY, SELF_HOSTED)
"""Somebody's own servers, which may well ask for no key."""
PLANS = (*VENDORS, *KEYLESS)
"""In this order hosts are compared."""

GATEWAY_PATHS = ("/compatible-mode", "/apps/anthropic", "/api/v1", "/v1beta")
ROUTES = ("/chat/completions", "/responses", "/completions", "/embeddings", "/models")
"""What people leave at the end of a base URL."""
FACE_PATH = re.compile(r"(?:/compatible-mode(?:/v1)?|/apps/anthropic(?:/v1)?|/api/v1|/v1beta|/v1)$")


def kind_of(base_url: str, *, oauth: bool = False) -> Plan:
    """The kind of upstream at *base_url*; *oauth*: its credential is a login at chat.qwen.ai."""
    parts = urlsplit(base_url if "//" in base_url else f"//{base_url}")
    host = parts.hostname or ""
    for plan in PLANS:
        if any(fnmatchcase(host, pattern) for pattern in plan.hosts):
            return plan
    if oauth:
        return PORTAL
    return GATEWAY if any(path in parts.path for path in GATEWAY_PATHS) else SELF_HOSTED


def plan_of_key(key: str, variable: str = "") -> Plan:
    """The best guess for an API key without a base URL, by its beginning and the environment variable that held it.

    Coding Plan and Token Plan begin their keys alike, so the variable counts more than the length of what fits.
    """
    starts = [(plan, start) for plan in PLANS for start in plan.keys if start and key.startswith(start)]
    if starts:
        plan = max(starts, key=lambda fit: (variable in fit[0].variables, len(fit[1])))[0]
        return replace(plan, base_urls=tuple(_in_workspace(url, key) for url in plan.base_urls))
    return next((plan for plan in PLANS if variable in plan.variables), STANDARD)


def _in_workspace(url: str, key: str) -> str:
    """*url* with the workspace that a key such as sk-ws-H.<workspace>.<suffix>.<certificate> names."""
    return url.replace("{workspace}", ([*key.split("."), ""])[1] or "dashscope")


def face_url(base_url: str, face: Face) -> str:
    """The base URL of another face of the host at *base_url*.

    Raises ValueError if this kind of upstream has no such face.
    """
    plan = kind_of(base_url)
    if face not in plan.faces:
        raise ValueError(f"an upstream of the kind {plan.name} has no {face} face")
    return FACE_PATH.sub("", trimmed(base_url)) + plan.faces[face]


def speaking(base_url: str, face: Face) -> str:
    """*base_url* if it is *face*'s, else that of *face* on the same host.  Raises ValueError if there is none."""
    return base_url if face_of(base_url) == face else face_url(base_url, face)


def trimmed(base_url: str) -> str:
    """*base_url* without slashes and routes at its end; a known host alone gets the path of its OpenAI face."""
    url = base_url.rstrip("/")
    while route := next((route for route in ROUTES if url.endswith(route)), ""):
        url = url.removesuffix(route).rstrip("/")
    plan = kind_of(url)
    return url + plan.faces["compatible"] if plan.hosts and not urlsplit(url).path else url


def face_of(base_url: str) -> Face:
    """The dialect that a base URL speaks, by the end of its path."""
    url = trimmed(base_url)
    if url.endswith("/api/v1"):
        return "dashscope"
    return "contents" if url.endswith("/v1beta") else "compatible"


def row_on(model: str, plan: Plan) -> Row:
    """The row of *model* as this kind of upstream serves it."""
    return replace(row_of(model), **plan.differs)


def resolve(model: str, aliases: Mapping[str, str], plan: Plan, default_model: str, images: bool) -> str:
    """The upstream's model for what the app calls *model*.

    The operator's aliases come first, then what the plan has in place of a model that it has not, then Qwen's own names
    as they are.  Every other name becomes *default_model* or the plan's own; with *images*, one that sees.
    """
    for table in (aliases.items(), plan.aliases):
        if target := _aliased(model, table):
            return target
    if own := canonical(model):
        return model if plan.template_kwargs else own
    chosen = default_model or plan.default_model or model
    sees = not images or row_on(chosen, plan).vision
    return chosen if sees else plan.vision_model or chosen


def _aliased(model: str, aliases: Aliases) -> str | None:
    """The target of the pattern that fits best: the name itself, else the longest."""
    name = model.lower()
    fits = [(pattern.lower() == name, len(pattern), target) for pattern, target in aliases if _fits(name, pattern)]
    return max(fits, key=lambda fit: fit[:2])[2] if fits else None


def _fits(name: str, pattern: str) -> bool:
    return name == pattern.lower() or fnmatchcase(name, pattern.lower())
