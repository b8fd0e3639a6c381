"""Names of tools: what OpenAI takes as one, whose they are, and patterns for many."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from hashlib import sha256

LONGEST = 64
BETWEEN = "__"

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OTHER = re.compile(r"[^a-zA-Z0-9_-]")


def is_name(text: str) -> bool:
    """Whether OpenAI takes *text* as the name of a function."""
    return _NAME.fullmatch(text) is not None


def namespace(text: str) -> str:
    """*text* as the first part of names."""
    return _OTHER.sub("_", text).strip("_") or "tools"


def spaced(space: str, name: str) -> str:
    """The name of the tool *name* in the namespace *space*; one that is too long ends in a digest of itself."""
    full = f"{space}{BETWEEN}{_OTHER.sub('_', name)}"
    if len(full) <= LONGEST:
        return full
    digest = sha256(f"{space}{BETWEEN}{name}".encode()).hexdigest()[:8]
    return f"{full[: LONGEST - 9]}_{digest}"


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of *patterns*, with `*` and `?`, stands for *name*."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def is_plain(pattern: str) -> bool:
    """Whether *pattern* is one name."""
    return "*" not in pattern and "?" not in pattern


def clash(spaces: Iterable[tuple[str, str]]) -> str:
    """Which two of *spaces*, each with its source, could give two tools one name; "" if none could."""
    seen: list[tuple[str, str]] = []
    for space, source in spaces:
        for other, its_source in seen:
            short, long = sorted((space, other), key=len)
            if short == long or long.startswith(short + BETWEEN):
                return f"{its_source} and {source} would both have tools named {long}{BETWEEN}…: rename one of them"
        seen.append((space, source))
    return ""
