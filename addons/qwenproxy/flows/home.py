"""The page at `/`: what this is, how to point an app at it, and how it is doing, for people with a browser.

Plain HTML without scripts; it shows no prompt, no answer and no secret, and to strangers nothing but what this is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import PurePath
from typing import Any

HEADERS: Mapping[str, str] = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
pre, code { font: .9em ui-monospace, monospace } pre { padding: .7rem 1rem; overflow-x: auto; background: #8881 }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top }
.bad { color: #c33; font-weight: 600 }
"""

COLUMNS: Sequence[tuple[str, str]] = (
    ("time", "time"),
    ("endpoint", "endpoint"),
    ("status", "status"),
    ("model", "asked for"),
    ("used", "answered by"),
    ("prompt_tokens", "tokens in"),
    ("completion_tokens", "out"),
    ("first_ms", "first event, ms"),
    ("total_ms", "total, ms"),
    ("error", "error"),
)
"""Of the table of exchanges: a fact of the log line, and its heading."""


FROM_ELSEWHERE = "That file is on the proxy's machine, by default in <code>~/.mitmproxy</code>: copy it, and no other."


@dataclass(frozen=True, slots=True)
class Upstream:
    """One way to Qwen: where it leads, by which credential, and how that one is; *well*: nothing is to be done."""

    address: str
    credential: str
    state: str
    well: bool


@dataclass(frozen=True, slots=True)
class Home:
    """What the page tells.  *base_url* is this listener's own, *proxies* the addresses of HTTPS proxies."""

    version: str
    base_url: str
    proxies: Sequence[str] = ()
    ca: str = ""
    keys: bool = False
    """Apps must show a client key: then the page does not know who is looking, and says no more."""
    upstreams: Sequence[Upstream] = ()
    models: Sequence[str] = ()
    exchanges: Sequence[Mapping[str, Any]] = field(default=())
    """The latest first: the facts of their log lines, and their `time`."""


def page(home: Home) -> bytes:
    """The page as HTML."""
    parts = [
        f"<h1>qwenproxy {escape(home.version)}</h1>",
        "<p>An app that speaks to OpenAI gets its answers from Qwen here.</p>",
        *_directions(home),
    ]
    if not home.keys:
        parts += [
            "<h2>Upstream</h2>",
            table(("address", "credential", "state"), map(_upstream, home.upstreams)),
            "<h2>Last exchanges</h2>",
            table([title for _, title in COLUMNS], map(_exchange, home.exchanges)),
            f"<h2>Models</h2><p>{', '.join(f'<code>{escape(name)}</code>' for name in home.models) or 'none'}</p>",
        ]
    style = f"<style>{STYLE}</style>"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>qwenproxy</title>{style}'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'.encode()


def _directions(home: Home) -> Iterable[str]:
    key = "one of the client keys" if home.keys else "anything"
    yield "<h2>Point an app here</h2>"
    yield f"<pre>OPENAI_BASE_URL={escape(home.base_url)}\nOPENAI_API_KEY={escape(key)}</pre>"
    if home.proxies:
        yield "<p>An app whose address cannot be changed goes through the HTTPS proxy, and trusts its certificate:</p>"
        ca = PurePath(home.ca).name if home.keys else home.ca
        lines = [f"HTTPS_PROXY={proxy}" for proxy in home.proxies] + [f"SSL_CERT_FILE={ca}"]
        yield f"<pre>{escape(chr(10).join(lines))}</pre>"
        yield f"<p>{FROM_ELSEWHERE if home.keys else 'or simply: <code>qwenproxy exec -- COMMAND</code>'}</p>"


def _upstream(upstream: Upstream) -> Iterable[str]:
    state = escape(upstream.state)
    return escape(upstream.address), escape(upstream.credential), state if upstream.well else bad(state)


def _exchange(facts: Mapping[str, Any]) -> Iterable[str]:
    failed = int(facts.get("status", 0)) >= 400
    for name, _ in COLUMNS:
        text = escape(str(facts.get(name, "")))
        yield bad(text) if failed and name == "status" else text


def bad(text: str) -> str:
    return f'<span class="bad">{text}</span>'


def table(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; the cells of *rows* are HTML."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return "<p>none yet</p>"
    return f"<table><tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>{body}</table>"
