"""How a setting's value is written and read: text (environment, command line) or TOML in, what the code uses out."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from json import dumps, loads
from urllib.parse import urlsplit

from qwenproxy import hostnames, redis_urls

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@,]+")
_HEADER_TOKEN = re.compile(r"[!-+\--~]+")  # what a header can carry; a comma parts keys
_CHAT_PATH = re.compile(r"(?:/chat/completions)+$")
_DEFAULT_PORTS = (("http://", ":80"), ("https://", ":443"))
_DAY = 86_400.0
LONG = 32
"""Characters of a key that nobody can guess."""
_TOOL = re.compile(r"[a-zA-Z0-9_*?-]{1,64}")


class Secret:
    """A text that no log, error or debugger shows by accident; `reveal()` says it."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(…)" if self._text else "Secret()"


@dataclass(frozen=True, slots=True)
class Kind[T]:
    """One kind of value.  `parse` raises ValueError, with the reason where there is more to say than `expected`."""

    expected: str
    parse: Callable[[object], T]
    show: Callable[[T], str] = str
    """Back to text that `parse` reads as the same value; lists and switches are not asked."""
    choices: tuple[str, ...] = ()
    quoted: bool = True
    """Whether a wrong value may be quoted: not when it may hold a credential."""
    placed: Callable[[T, Callable[[str], str]], T] | None = None
    """The value with the paths in it made absolute by the function, if it may hold any."""
    parted: Callable[[T], tuple[T, str]] | None = None
    """The value without the password in it, and that, if it may hold one."""


def _text(raw: object) -> str:
    if not isinstance(raw, str) or not raw.strip().isprintable():
        raise ValueError
    return raw.strip()


def _items(raw: object) -> list[str]:
    items = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(items, list | tuple):
        raise ValueError
    return [text for item in items if (text := _text(item))]


def _flag(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    try:
        return words[_text(raw).lower()]
    except KeyError:
        raise ValueError from None


def _size(least: int) -> Callable[[object], int]:
    def parse(raw: object) -> int:
        match = _SIZE.fullmatch(str(raw) if type(raw) is int else _text(raw))
        size = int(float(match[1]) * _UNITS[match[2].lower()]) if match else -1
        if size < least:
            raise ValueError
        return size

    return parse


def _show_size(size: int) -> str:
    if not size:
        return "0"
    unit = max((unit for unit, factor in _UNITS.items() if size % factor == 0), key=_UNITS.__getitem__)
    return f"{size // _UNITS[unit]}{unit}"


def _names[T](each: Callable[[str], T]) -> Callable[[object], tuple[T, ...]]:
    return lambda raw: tuple(dict.fromkeys(each(item) for item in _items(raw)))


def _intercepted(text: str) -> str:
    name = hostnames.pattern(text)
    if name.removeprefix("*.").startswith("mtls"):
        raise ValueError("hosts that want a client's certificate (mtls…) cannot be intercepted")
    return name


def _origin(text: str) -> str:
    origin = text.lower().removesuffix("/")
    if origin in ("*", "null"):
        return origin
    if not _ORIGIN.fullmatch(origin):
        raise ValueError
    for scheme, port in _DEFAULT_PORTS:
        if origin.startswith(scheme):
            return origin.removesuffix(port)  # a browser does not say it
    return origin


def _key(raw: object) -> Secret:
    text = _text(raw)
    if text and not _HEADER_TOKEN.fullmatch(text):
        raise ValueError("it holds a character that a key cannot have")
    return Secret(text)


def _long_key(raw: object) -> Secret:
    key = _key(raw)
    if len(key.reveal()) < LONG:
        raise ValueError(f"a key has {LONG} characters or more")
    return key


def _aliases(raw: object) -> Mapping[str, str]:
    value = loads(raw.strip() or "{}") if isinstance(raw, str) else raw  # JSONDecodeError is a ValueError
    if not isinstance(value, Mapping):
        raise ValueError
    if any(isinstance(target, Mapping) for target in value.values()):
        raise ValueError("a name with a dot must be in quotes")
    if not all(isinstance(text, str) and text.strip() for pair in value.items() for text in pair):
        raise ValueError
    return dict(value)


def _tool(text: str) -> str:
    if not _TOOL.fullmatch(text):
        raise ValueError("a name has letters, digits, _ and -, and * or ? for any")
    return text


def _client_tools(raw: object) -> Mapping[Secret, tuple[str, ...]]:
    value = loads(raw.strip() or "{}") if isinstance(raw, str) else raw
    if not isinstance(value, Mapping):
        raise ValueError
    return {_key(key): _tools(tools) for key, tools in value.items()}


def _mcp_servers(raw: object) -> str:
    if isinstance(raw, Mapping):
        return dumps(raw)
    return raw.strip() if isinstance(raw, str) and raw.lstrip().startswith("{") else _text(raw)


def _url(raw: object) -> str:
    text = _text(raw)
    if not text:
        return ""
    if not text.isascii() or " " in text:
        raise ValueError
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError from None  # its message would quote what may be a password
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError
    if "@" in parts.netloc:
        raise ValueError("it holds a user name or password; a key goes into api_key")
    if "?" in text or "#" in text:
        raise ValueError("it holds a query or a fragment")
    return f"{parts.scheme}://{parts.netloc.lower()}{_CHAT_PATH.sub('', parts.path.rstrip('/')).rstrip('/')}"


def names_a_call(url: object) -> bool:
    """Whether *url* goes on to the call itself, which `URL` takes off: the base URL ends before it."""
    return isinstance(url, str) and _CHAT_PATH.search(url.strip().rstrip("/")) is not None


def _state(raw: object) -> str:
    text = _text(raw)
    return redis_urls.checked(text) if "://" in text else text


def one_of(*choices: str) -> Kind[str]:
    """One of a few words."""

    def parse(raw: object) -> str:
        if (text := _text(raw).lower()) not in choices:
            raise ValueError
        return text

    return Kind("one of " + ", ".join(choices), parse, choices=choices)


def seconds(least: float) -> Kind[float]:
    """A time span, up to a day; mitmproxy's options have no fractions, so it is text there."""

    def parse(raw: object) -> float:
        try:
            value = float(_text(raw) if isinstance(raw, bool) or not isinstance(raw, int | float) else raw)
        except ValueError:
            raise ValueError from None
        if not (math.isfinite(value) and least <= value <= _DAY):
            raise ValueError
        return value

    return Kind(f"a number of seconds from {least:g} to {_DAY:g}", parse, lambda value: f"{value!r}".removesuffix(".0"))


_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SPANS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY}


def _span(raw: object) -> float:
    match = _SPAN.fullmatch(_text(raw).lower())
    if match is None or not float(match[1]):
        raise ValueError
    return float(match[1]) * _SPANS[match[2]]


def _show_span(value: float) -> str:
    unit = next(unit for unit in ("d", "h", "m", "s") if value % _SPANS[unit] == 0 or unit == "s")
    return f"{value / _SPANS[unit]!r}".removesuffix(".0") + unit


def count(least: int) -> Kind[int]:
    """A whole number."""

    def parse(raw: object) -> int:
        number = raw if type(raw) is int else int(_text(raw))
        if number < least:
            raise ValueError
        return number

    return Kind(f"a whole number from {least}", parse)


_tools = _names(_tool)

TEXT = Kind("text", _text)
FLAG = Kind("true or false", _flag)
SIZE = Kind("a size such as 64m, 64 MiB or a number of bytes", _size(1), _show_size)
ANY_SIZE = Kind("a size such as 64m, 64 MiB or a number of bytes, or 0", _size(0), _show_size)
HOSTS = Kind("host names such as api.openai.com, *.example.com", _names(_intercepted))
UPSTREAM_HOSTS = Kind("host names such as qwen.example.com, *.example.com", _names(hostnames.pattern))
ORIGINS = Kind("origins such as https://app.example.com, or *", _names(_origin))
ALIASES = Kind('model names, as {"gpt-4o*": "qwen3.7-plus"}', _aliases, lambda aliases: dumps(dict(aliases)))
URL = Kind("an absolute URL such as https://host/compatible-mode/v1", _url, quoted=False)
SPAN = Kind("a time such as 30d, 12h, 90m or 45s", _span, _show_span)
STATE: Kind[str] = Kind(
    "a path, or memory, or off, or the address of a Redis such as redis://host:6379/0",
    _state,
    quoted=False,
    placed=lambda place, absolute: (
        place if place in ("", "memory", "off") or redis_urls.is_one(place) else absolute(place)
    ),
    parted=redis_urls.parted,
)
USAGE = Kind("a path, or off", _text, placed=lambda path, absolute: absolute(path) if path not in ("", "off") else path)
PATH = Kind("a path", _text, placed=lambda path, absolute: absolute(path) if path else "")
KEY = Kind("a key", _key, quoted=False)
KEYS = Kind("keys", _names(_key), quoted=False)
LONG_KEYS = Kind(f"keys of {LONG} characters or more", _names(_long_key), quoted=False)
TOOLS = Kind("names of tools such as current_time, files__*", _tools)
CLIENT_TOOLS = Kind('tools for keys, as {"key": ["current_time"]}', _client_tools, quoted=False)
TOOL_SOURCES = Kind(
    "Python files or names of entry points",
    _names(str),
    placed=lambda found, absolute: tuple(absolute(each) if each.endswith(".py") else each for each in found),
)
MCP_SERVERS: Kind[str] = Kind(
    'a file, or JSON such as {"time": {"command": "mcp-server-time"}}',
    _mcp_servers,
    quoted=False,
    placed=lambda text, absolute: absolute(text) if text and not text.startswith("{") else text,
)
FETCH_HOSTS = Kind("host names such as example.com, *.example.org", _names(hostnames.pattern))
