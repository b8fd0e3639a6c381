"""Who may use which tools: what the settings say, for all and for a client key, and what a request asks for.

Off by default.  A request chooses among what it may have: by the header `x-qwenproxy-tools`, or by the field
`qwenproxy_tools` of its body (in an SDK: `extra_body`), which holds for more if both are there.
"""

import re
from dataclasses import dataclass

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.settings.tools import ToolSettings
from qwenproxy.settings.values import Secret
from qwenproxy.tools import names

HEADER = "x-qwenproxy-tools"
FIELD = "qwenproxy_tools"
NONE = "none"
MOST = 128
_PATTERN = re.compile(r"[a-zA-Z0-9_*?-]{1,64}")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The tools that are on for one request."""

    permitted: tuple[str, ...] = ()
    """Patterns of what it may have."""
    chosen: tuple[str, ...] = ()
    """Patterns of what it has of that."""
    named: tuple[str, ...] = ()
    """Names that the request says itself: if there is no such tool, it should hear so."""

    def __bool__(self) -> bool:
        return bool(self.chosen)

    def admits(self, name: str) -> bool:
        """Whether the tool *name* is on."""
        return names.matches(name, self.chosen) and names.matches(name, self.permitted)


OFF = Allowed()


def asked(header: str | None, field: object = None) -> tuple[str, ...] | None:
    """What a request asks for by its header and by *field*, its body's; None if it says nothing.  Raises ProxyError."""
    if field is None and header is None:
        return None
    place = HEADER if field is None else FIELD
    items = header if field is None else field
    words = items.split(",") if isinstance(items, str) else items
    if not isinstance(words, list) or len(words) > MOST or not all(isinstance(word, str) for word in words):
        message = f"{place} wants names of tools, or none, such as current_time or files__*; not more than {MOST}."
        raise ProxyError(errors.INVALID_VALUE, message, param=place)
    patterns = tuple(dict.fromkeys(text for word in words if (text := word.strip())))
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            message = (
                f"{place}: {pattern[:64]!r} is no name of a tool: letters, digits, _ and -, with * and ? for many."
            )
            raise ProxyError(errors.INVALID_VALUE, message, param=place)
    return () if patterns == (NONE,) else patterns


def allowed(settings: ToolSettings, key: str | None, asked: tuple[str, ...] | None) -> Allowed:
    """What is on for a request that showed the client key *key*, if any, and asks for *asked*.

    Raises ProxyError if it asks by name for what it may not have.
    """
    own = settings.client_tools.get(Secret(key)) if key is not None else None
    standing = settings.tools if own is None else own
    if asked is None:
        return Allowed(standing, standing) if standing else OFF
    permitted = (*standing, *settings.tools_on_request)
    named = tuple(name for name in asked if names.is_plain(name))
    for name in named:
        if not names.matches(name, permitted):
            message = f"The tool {name} is not one that this request may use; the settings tools, tools_on_request and "
            message += "client_tools of the proxy say which are."
            raise ProxyError(errors.UNSUPPORTED_TOOL, message, param=FIELD)
    return Allowed(permitted, asked, named) if asked else OFF
