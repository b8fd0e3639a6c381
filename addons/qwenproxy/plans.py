"""Kinds of upstream as rows: how each is recognised, where its faces are, where it differs from a model's row.

A branch on a host's name anywhere else is a missing row.  Source: vendor docs and clients' source, read 2026-11-22; for
the hosts of Qwen Cloud and platform.qianwenai.com, their pages as clients of 2026-10 quote them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import urlsplit

from qwenproxy.models import Row, row_of

type Face = Literal["compatible", "dashscope", "contents"]
FACES: tuple[Face, ...] = ("compatible", "dashscope", "contents")
type Aliases = Iterable[tuple[str, str]]
type Switch = Literal["field", "template", "effort"]
"""How to say whether to think: in `enable_thinking`; in `chat_template_kwargs` (vLLM, SGLang); by `reasoning_effort`
alone, "none" included (Ollama)."""

HOSTED: Mapping[Face, str] = {"compatible": "/compatible-mode/v1", "dashscope": "/api/v1"}
"""One DashScope host and key carries several faces."""
CURRENT = "qwen3.7-plus"
"""A current model that sees and thinks, offered by every plan but the portal."""
OFFERED = (
    *("qwen3.8-max", "qwen3.8-flash", "qwen3.7-max", CURRENT, "qwen3.6-plus", "qwen3.6-flash", "qwen3-max"),
    *("qwen3-coder-plus", "qwen3-coder-flash", "qwen3-vl-plus", "qwen-plus", "qwen-flash"),
)
"""What pay-as-you-go offers in most regions, newest first."""
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
    port: int | None = None
    """The port that it listens on by default, on any host, where that tells it apart."""
    keys: tuple[str, ...] = ()
    """What its API keys begin with, where that tells them apart."""
    variables: tuple[str, ...] = ()
    """Environment variables that hold its key."""
    default_model: str = CURRENT
    vision_model: str = CURRENT
    aliases: Aliases = ()
    """Models that this kind has not -> the nearest one that it has."""
    offers: tuple[str, ...] = OFFERED
    """Models that it is known to have, for when it does not list them itself."""
    lists_all: bool = True
    """What its own listing does not name it does not have."""
    faces: Mapping[Face, str] = field(default_factory=lambda: HOSTED)
    headers: Mapping[str, str] = field(default_factory=dict)
    portal_shape: bool = False
    """Wants a system message of parts, the last with `cache_control`, or answers 400 "bad request"."""
    self_hosted: bool = False
    """A model server of somebody's own: it names models as it likes, and knows no extras of DashScope's."""
    switch: Switch = "field"
    leaks: bool = False
    """Writes thinking and tool calls into the text, where its own parsers for them are off."""
    forwards_user_agent: bool = False
    """Looks at the agent's own User-Agent, which must therefore be the app's."""
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
    offers=("coder-model", "vision-model", "qwen3-coder-plus", "qwen3-coder-flash"),
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
    offers=(
        *("qwen3.5-plus", "qwen3.6-plus", "qwen3.7-plus", "qwen3-coder-plus", "qwen3-coder-next"),
        *("qwen3-max-2026-01-23", "glm-5", "glm-4.7", "kimi-k2.5", "MiniMax-M2.5"),
    ),
    lists_all=False,
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
    offers=(
        *("qwen3.8-max", "qwen3.7-max", "qwen3.7-plus", "qwen3.6-flash", "glm-5.2"),
        *("deepseek-v4-pro", "deepseek-v4-pro-0813", "deepseek-v4-flash-0731"),
    ),
    lists_all=False,
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
    offers=(),
    self_hosted=True,
    switch="template",
    leaks=True,
    differs={
        "cache": False,
        "extras": True,
        "forced_choice_while_thinking": True,
        "json_word": False,
        "json_while_thinking": True,
        "logprobs": True,
        "max_choices": 128,
        "reserved_names": frozenset(),
        "search": False,
        "thinks_only_streaming": False,
        "unparted": True,  # without a reasoning parser
    },
)
"""vLLM, SGLang, llama.cpp."""
OLLAMA = replace(
    SELF_HOSTED,
    name="ollama",
    port=11434,
    switch="effort",
    differs={
        **SELF_HOSTED.differs,
        "efforts": {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"},
        "flat_text": True,  # each part would become a message of its own
        "logprobs": False,
        "max_choices": 1,
        "max_thinking": 0,
        "named_choice": False,
        "required_choice": False,
        "unparted": False,
    },
)
"""Source: its `openai` package, read 2026-11-22.  `tool_choice` and `n` it passes over."""

VENDORS = (PORTAL, CODING_PLAN, TOKEN_PLAN, WORKSPACE, INTERNATIONAL, STANDARD, QIANWEN, QWEN_CLOUD)
KEYLESS = (GATEWAY, OLLAMA, SELF_HOSTED)
"""Somebody's own servers, which may well ask for no key."""
PLANS = (*VENDORS, *KEYLESS)
"""In this order hosts are compared."""

GATEWAY_PATHS = ("/compatible-mode", "/apps/anthropic", "/api/v1", "/v1beta")


def kind_of(base_url: str, *, oauth: bool = False) -> Plan:
    """The kind of upstream at *base_url*; *oauth*: its credential is a login at chat.qwen.ai."""
    parts = urlsplit(base_url if "//" in base_url else f"//{base_url}")
    host = parts.hostname or ""
    for plan in PLANS:
        if any(fnmatchcase(host, pattern) for pattern in plan.hosts):
            return plan
    if oauth:
        return PORTAL
    if any(path in parts.path for path in GATEWAY_PATHS):
        return GATEWAY
    return OLLAMA if parts.port == OLLAMA.port else SELF_HOSTED


def row_on(model: str, plan: Plan) -> Row:
    """The row of *model* as this kind of upstream serves it."""
    return replace(row_of(model), **plan.differs)
