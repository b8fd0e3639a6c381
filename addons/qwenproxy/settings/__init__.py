"""The one table of settings, and what it comes to: a frozen `Settings`.

Each row is an environment variable `QWENPROXY_<NAME>`, a key of `qwenproxy.toml`, a mitmproxy option `qwen_<name>` (but
for secrets, which mitmproxy would show) and a row of the README.  Command line over environment over file over default.
"""

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from qwenproxy import hostnames
from qwenproxy.settings import choices as setting_choices
from qwenproxy.settings import sources, values
from qwenproxy.settings.choices import Choice
from qwenproxy.settings.fleet import FleetSettings
from qwenproxy.settings.rows import Row
from qwenproxy.settings.rows import setting as _setting
from qwenproxy.settings.values import Secret


@dataclass(frozen=True, slots=True)
class Settings(FleetSettings):
    """All settings; without arguments, the defaults."""

    upstream: str = _setting(
        values.URL,
        "",
        "Base URL of the Qwen API, version included; empty: what the key says. "
        "`http://` only on loopback or for `allowed_hosts`",
    )
    dialect: str = _setting(
        values.one_of("auto", "compatible", "dashscope", "contents"),
        "auto",
        "What the upstream speaks; auto: its path says; named, the path is derived anew",
    )
    auth: str = _setting(
        values.one_of("auto", "oauth", "api_key", "none"),
        "auto",
        "How to sign in upstream; auto: with a key if there is one, else with the OAuth login",
    )
    api_key: Secret = _setting(
        values.KEY,
        "",
        "Key of the Qwen API",
        secret=True,
        shared=("DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY", "BAILIAN_TOKEN_PLAN_API_KEY"),
    )
    api_key_file: str = _setting(values.PATH, "", "File that holds the key, instead of `api_key`")
    credentials: str = _setting(
        values.PATH, "~/.qwen/oauth_creds.json", "Where the OAuth login is kept, shared with Qwen Code"
    )
    oauth_url: str = _setting(values.URL, "https://chat.qwen.ai", "Where to sign in by OAuth")
    oauth_client_id: str = _setting(
        values.TEXT, "f0304373b74a44d2b584a3fb70ca9e56", "What the proxy calls itself there"
    )
    oauth_scope: str = _setting(values.TEXT, "openid profile email model.completion", "What the login is for")
    refresh_lead: float = _setting(
        values.seconds(0), "300", "Seconds before its expiry at which the access token is renewed"
    )
    hosts: tuple[str, ...] = _setting(
        values.HOSTS, "api.openai.com,*.api.openai.com", "Hosts that are intercepted, never `mtls*`"
    )
    default_model: str = _setting(
        values.TEXT, "", "Model for names that are not Qwen's and have no alias; empty: the upstream's own"
    )
    models: Mapping[str, str] = _setting(
        values.ALIASES, "{}", 'Other names for models, with wildcards: `{"gpt-4o*": "qwen3.7-plus"}`; a table in TOML'
    )
    client_keys: tuple[Secret, ...] = _setting(
        values.KEYS, "", "Keys that apps must present; none: any will do, on loopback only", secret=True
    )
    client_keys_file: str = _setting(values.PATH, "", "File with more of them, one a line, `#` before a comment")
    allow_remote: bool = _setting(values.FLAG, "false", "Whether to listen beyond loopback; needs `client_keys`")
    rate_limit: str = _setting(values.TEXT, "", "Requests of one client key, as 60/minute;1000/day; empty: any number")
    cors_origins: tuple[str, ...] = _setting(
        values.ORIGINS,
        "",
        "Origins of web pages that may use the proxy, or `*`; that of a file or a sandboxed page is `null`",
    )
    unsupported: str = _setting(
        values.one_of("drop", "refuse"),
        "drop",
        "What to do with parameters that Qwen has not: drop them, "
        "named in the header `x-qwenproxy-dropped`, or refuse the request",
    )
    cache_markers: bool = _setting(
        values.FLAG,
        "false",
        "Whether to mark the system message and the last user message for Qwen's context cache, in requests without "
        "marks (`cache_control`) of their own: writing it costs a quarter more, reading it a tenth",
    )
    reasoning: str = _setting(values.one_of("show", "hide"), "show", "Whether apps get `reasoning_content`")
    allowed_hosts: tuple[str, ...] = _setting(
        values.UPSTREAM_HOSTS, "", "Upstream hosts beyond Qwen's own that may get a key"
    )
    log_format: str = _setting(values.one_of("text", "json"), "text", "Form of the log lines")
    heartbeat: float = _setting(values.seconds(0), "15", "Seconds of silence before a comment is sent; 0: never")
    idle_timeout: float = _setting(values.seconds(1), "300", "Seconds of silence before the upstream is given up")
    body_limit: int = _setting(values.SIZE, "64m", "Largest request body")
    view_limit: int = _setting(
        values.ANY_SIZE,
        "1m",
        "How much of a stream, and of each body to and from Qwen, is kept for viewing; 0: nothing",
    )
    view_memory: int = _setting(
        values.ANY_SIZE, "256m", "How much mitmweb keeps in all, before it forgets the oldest; 0: everything"
    )

    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where each setting that was given is from: a variable, a file and key, or an option."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What the user should hear, once, about how the settings were read."""


def _row(of: Field[Any]) -> Row:
    row: Row = of.metadata["row"]
    return row


_BASE = [each.name for each in fields(FleetSettings)]
ROWS: Mapping[str, Row] = {
    each.name: _row(each)
    for each in sorted(fields(Settings), key=lambda each: each.name in _BASE)  # a base class's own come first
    if "row" in each.metadata
}


def load(environ: Mapping[str, str], cwd: Path, options: Mapping[str, object] | None = None) -> Settings:
    """The settings that hold: *options* over *environ* over the file over the defaults.

    *options* are by a setting's name, without `qwen_`; one that says what would hold without it counts as not given, so
    that all of mitmproxy's may be passed.  Raises ValueError, which names the place and what is expected there.
    """
    shared = {variable: name for name, row in ROWS.items() for variable in row.shared}
    chosen: dict[str, Choice] = {}
    notes: list[str] = []
    for given in sources.given(environ, cwd, options or {}, list(ROWS), shared):
        choice = setting_choices.read(ROWS[given.name].kind, given, environ)
        before = chosen.get(given.name)
        current = before.value if before else _default(given.name, environ, cwd)
        if given.rank is sources.Rank.OPTION and choice.value == current:
            continue
        if before and before.given.rank == given.rank and choice.value != current:
            notes.append(f"{given.source} is used, {before.given.source} is not")
        chosen[given.name] = choice
    setting_choices.read_key_file(chosen)
    for name in ("client_keys", "state_keys"):
        setting_choices.read_keys_file(chosen, name, ROWS[name].kind)
    setting_choices.check_files_of_state(chosen)
    setting_choices.take_password(chosen)
    settings = Settings(
        **{name: choice.value for name, choice in chosen.items()},
        sources={name: choice.given.source for name, choice in chosen.items()},
        notes=(*notes, *_upstream_notes(chosen)),
    )
    _check_upstream(settings)
    _check_remote(settings)
    _check_client_tools(settings)
    return settings


def _default(name: str, environ: Mapping[str, str], cwd: Path) -> Any:
    row = ROWS[name]
    return setting_choices.expanded(row.kind, row.kind.parse(row.default), environ, cwd)


def _upstream_notes(chosen: Mapping[str, Choice]) -> list[str]:
    choice = chosen.get("upstream")
    if choice is None or not values.names_a_call(choice.given.raw):
        return []
    return [f"{choice.given.source}: /chat/completions taken off its end: the upstream is {choice.value}"]


def _check_upstream(settings: Settings) -> None:
    """Keep keys off the open network: plain HTTP only to this machine, or to a host that the user vouches for."""
    for name in ("upstream", "oauth_url"):
        url = urlsplit(getattr(settings, name))
        host = url.hostname or ""
        vouched = any(hostnames.stands_for(pattern, host) for pattern in settings.allowed_hosts)
        if url.scheme == "http" and not hostnames.is_loopback(host) and not vouched:
            source = settings.sources[name]
            raise ValueError(f"{source}: expected https://; http:// to {host} needs {host} in allowed_hosts")


def _check_remote(settings: Settings) -> None:
    if settings.allow_remote and not settings.client_keys:
        source = settings.sources["allow_remote"]
        raise ValueError(f"{source}: needs client_keys: whoever reaches the proxy would spend your quota")


def _check_client_tools(settings: Settings) -> None:
    """A key that nobody has to show would open nothing, or everything to anyone."""
    if not set(settings.client_tools) <= set(settings.client_keys):
        raise ValueError(f"{settings.sources['client_tools']}: names a key that is not one of client_keys")


def credentials_path(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Where the OAuth login is: where it was said, else where Qwen Code keeps it, whose folder QWEN_HOME moves."""
    if "credentials" in settings.sources:
        return Path(settings.credentials)
    folder = sources.home_path(environ.get("QWEN_HOME", "").strip() or "~/.qwen", environ, Path.cwd())
    return folder / "oauth_creds.json"


class Option(NamedTuple):
    """The arguments of mitmproxy's `loader.add_option`."""

    name: str
    type: Any
    default: str | bool | list[str]
    help: str
    choices: list[str] | None


def options(settings: Settings | None = None) -> list[Option]:
    """The rows as mitmproxy options, but for the secret ones.

    Their defaults are *settings*, as loaded without options: then an option that names the table's own default still
    overrides the environment, and mitmweb shows what holds.
    """
    shown = settings or Settings()
    return [_option(name, row, getattr(shown, name)) for name, row in ROWS.items() if not row.secret]


def _option(name: str, row: Row, value: Any) -> Option:
    default: str | bool | list[str] = row.kind.show(value)
    if isinstance(value, bool):
        default = value
    elif isinstance(value, tuple):
        default = list(value)
    type_ = {bool: bool, list: Sequence[str]}.get(type(default), str)
    return Option(sources.OPTION + name, type_, default, f"{row.help}.", list(row.kind.choices) or None)


def readme_table() -> str:
    """The table of settings in Markdown, for the README."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    return "\n".join([*lines, *(_readme_row(name, row) for name, row in ROWS.items())]) + "\n"


def _readme_row(name: str, row: Row) -> str:
    default = f"`{row.default}`" if row.default else ""
    choices = f" ({', '.join(f'`{choice}`' for choice in row.kind.choices)})" if row.kind.choices else ""
    shared = f"; also {', '.join(f'`{variable}`' for variable in row.shared)}" if row.shared else ""
    return f"| `{name}` | {default} | {row.help}{choices}{shared}{'; secret' if row.secret else ''} |"
