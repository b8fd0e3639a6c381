"""The pages that people see: to confirm a sign-in, and to make the OAuth server odd.  Plain HTML, no scripts.

Text in, pages out; whatever is not ours is escaped.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import NamedTuple

STYLE = """
:root { color-scheme: light dark; --ink: #1c1b22; --dim: #5f5d6b; --paper: #fff; --line: #d9d7e2; --mine: #5b3fd6;
        --warn: #fff4d6; --warn-ink: #6b4a00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ecebf2; --dim: #a5a3b3; --paper: #1b1a21; --line: #3a3845; --mine: #a99bff;
          --warn: #3b2f10; --warn-ink: #ffdf9a; } }
* { box-sizing: border-box; }
body { margin: 0; font: 17px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header { background: var(--warn); color: var(--warn-ink); padding: .6rem 1rem; text-align: center; }
main { max-width: 34rem; margin: 8vh auto; padding: 0 1.25rem; }
main.wide { max-width: 58rem; margin-top: 2rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.code { font: 600 2rem/1.2 ui-monospace, monospace; letter-spacing: .08em; border: 1px solid var(--line);
        border-radius: .6rem; padding: 1rem; text-align: center; }
.dim { color: var(--dim); }
form.choice { display: flex; gap: .75rem; margin: 1.5rem 0; flex-wrap: wrap; }
button, input, select { font: inherit; color: inherit; padding: .55rem 1rem; border-radius: .5rem;
        border: 1px solid var(--line); background: transparent; }
button { cursor: pointer; flex: 1; }
button.main { background: var(--mine); border-color: var(--mine); color: var(--paper); }
:focus-visible { outline: 3px solid var(--mine); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-top: 1px solid var(--line); }
code { font: .92em ui-monospace, monospace; }
"""
HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",  # with no-referrer a browser would send the form's Origin as null
    "x-content-type-options": "nosniff",
}
"""What goes with every page."""


class Attempt(NamedTuple):
    """A sign-in that waits to be confirmed."""

    user_code: str
    ticket: str
    client: str
    scope: str
    seconds_left: float


def page(title: str, body: str, *, wide: bool = False) -> str:
    """A whole page; *body* is HTML."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – simulator</title><style>{STYLE}</style></head><body>"
        "<header><strong>This is the simulator</strong> of qwenproxy, not chat.qwen.ai: "
        "no account, no password, nothing leaves this machine.</header>"
        f"<main{' class="wide"' if wide else ''}><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def confirm(attempt: Attempt) -> str:
    """Asks whether a device may sign in."""
    minutes = max(1, round(attempt.seconds_left / 60))
    return page(
        "Sign this device in?",
        f"<p>A program wants to use the simulated Qwen in your name. Go on only if it shows this code:</p>"
        f'<p class="code">{escape(attempt.user_code)}</p>'
        '<form class="choice" method="post" action="/authorize">'
        f"{_hidden('user_code', attempt.user_code)}{_hidden('ticket', attempt.ticket)}"
        '<button class="main" name="answer" value="authorise">Authorise</button>'
        '<button name="answer" value="refuse">Refuse</button></form>'
        f'<p class="dim">Client <code>{escape(attempt.client)}</code>, for <code>{escape(attempt.scope)}</code>. '
        f"The code is good for {minutes} more minute{'s' if minutes > 1 else ''}.</p>",
    )


def ask_code(complaint: str = "") -> str:
    """Asks for the code, for those who came without it; *complaint* is about the one that was tried."""
    said = f'<p role="alert"><strong>{escape(complaint)}</strong></p>' if complaint else ""
    return page(
        "Sign a device in",
        f"{said}<p>Type the code that the program shows.</p>"
        '<form class="choice" method="get" action="/authorize">'
        '<input name="user_code" aria-label="Code" placeholder="XXXX-XXXX" autocomplete="off" autofocus required '
        'maxlength="20"><button class="main">Go on</button></form>',
    )


OUTCOMES: Mapping[str, tuple[str, str]] = {
    "authorised": ("Authorised", "The device signs itself in within seconds. You can close this page."),
    "used": ("Signed in", "The device has picked up its login. You can close this page."),
    "refused": ("Refused", "The device is not signed in. You can close this page."),
    "expired": ("Too late", "The code has expired. Start again with <code>qwenproxy login</code>."),
}
"""What became of an attempt: heading, and what to do now."""


def outcome(state: str) -> str:
    """Tells what became of an attempt."""
    title, text = OUTCOMES[state]
    return page(title, f"<p>{text}</p>")


def forbidden() -> str:
    """Tells off a request that did not come from our own page."""
    return page("Not from this page", "<p>Open the link of the program again, and use the buttons there.</p>")


class Oddities(NamedTuple):
    """What the control page shows."""

    oddities: Mapping[str, str]
    """Each, with its argument -> what it does."""
    planned: Iterable[str]
    terms: Mapping[str, str]
    counts: Mapping[str, int]


def control(shown: Oddities, complaint: str = "") -> str:
    """The control page: what is planned, what can be."""
    said = f'<p role="alert"><strong>{escape(complaint)}</strong></p>' if complaint else ""
    options = "".join(f'<option value="{escape(name.split()[0])}">{escape(name)}</option>' for name in shown.oddities)
    planned = "".join(f"<li>{escape(row)}</li>" for row in shown.planned)
    return page(
        "The simulated OAuth server",
        f"{said}<h2>The next calls</h2>{f'<ol>{planned}</ol>' if planned else '<p>Nothing odd is planned.</p>'}"
        '<form class="choice" method="post" action="/simulator/oauth">'
        f'<select name="oddity" aria-label="Oddity">{options}</select>'
        '<input name="argument" aria-label="Argument" placeholder="argument">'
        '<input name="times" aria-label="Times" placeholder="times (1)" inputmode="numeric">'
        '<button class="main">Plan it</button></form>'
        '<form class="choice" method="post" action="/simulator/oauth">'
        '<button name="clear" value="1">Forget what is planned</button>'
        '<button name="revoke" value="1">End every login</button></form>'
        f"<h2>Terms</h2>{_terms(shown.terms)}"
        f"<h2>So far</h2>{_table(((name, str(count)) for name, count in shown.counts.items()))}"
        f"<h2>Oddities</h2>{_table(shown.oddities.items())}",
        wide=True,
    )


def _terms(terms: Mapping[str, str]) -> str:
    fields = "".join(
        f'<tr><th><label for="{escape(name)}">{escape(name)}</label></th>'
        f'<td><input id="{escape(name)}" name="{escape(name)}" value="{escape(value)}"></td></tr>'
        for name, value in terms.items()
    )
    return f'<form method="post" action="/simulator/oauth"><table>{fields}</table><p><button>Set</button></p></form>'


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th><code>{escape(name)}</code></th><td>{escape(text)}</td></tr>" for name, text in rows)
    return f"<table>{cells}</table>"


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
