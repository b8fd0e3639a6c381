"""What DashScope wants to hear of in a header though the body holds it.  Source: `dashscope` 1.27, qwen-code, 2026-11.

Looked for in the written body: a quote before it tells a value from words about it.
"""

from collections.abc import Mapping

STORED = b'"oss://'
"""A file in the service's own store."""
MARKED = b'"cache_control"'
"""A mark for the cache.  Compatible mode wants to be told; the native protocol reads the mark itself."""
HEADERS: Mapping[bytes, tuple[str, str]] = {
    STORED: ("x-dashscope-ossresourceresolve", "enable"),
    MARKED: ("x-dashscope-cachecontrol", "enable"),
}


def announced(body: bytes, *signs: bytes) -> dict[str, str]:
    """The headers for those of *signs* that are in *body*."""
    return dict(HEADERS[sign] for sign in signs if sign in body)
