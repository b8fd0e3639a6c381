"""A call of one token, by the same way as an app's: only that tells whether one gets answers."""

import asyncio
import time
from collections.abc import Mapping

import orjson

from qwenproxy import errors
from qwenproxy.auth.oauth import OAuth
from qwenproxy.commands.checks.findings import Finding, Level, ok
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.errors import Failure, ProxyError
from qwenproxy.exchange import Exchange
from qwenproxy.lines import USER_AGENT, Line
from qwenproxy.record import Record
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.wire.openai import Head

NAME = "call"
SIGN_IN = "`qwenproxy login` signs in anew."
WAIT = "Wait a little, and try again."
CONSOLE = "See to it in the vendor's console; another key would be used meanwhile."
OTHER_MODEL = "`qwenproxy models` lists what there is; the settings `models` and `default_model` say what is used."
ADDRESS = "See that the setting `upstream` is the base URL that the vendor gives for this key."
AGENTS = "Try it with the coding agent itself: its User-Agent is passed on, and this one is not an agent's."

NEXT: Mapping[Failure, str] = {
    errors.UPSTREAM_KEY: "`qwenproxy status` shows where the credential is from: put one there that fits.",
    errors.ACCESS_DENIED: OTHER_MODEL,
    errors.BILLING: CONSOLE,
    errors.QUOTA: CONSOLE,
    errors.MODEL_NOT_FOUND: OTHER_MODEL,
    errors.RATE_LIMIT: WAIT,
    errors.TOKEN_LIMIT: WAIT,
    errors.OVERLOADED: WAIT,
    errors.UPSTREAM_ERROR: WAIT,
    errors.UPSTREAM_TIMEOUT: "Try again, with a longer --timeout.",
}
"""What to do; for all else, the address is suspected."""
PASSING = (errors.RATE_LIMIT, errors.TOKEN_LIMIT, errors.OVERLOADED)
"""What says nothing against the credential."""


def body(model: str) -> bytes:
    """The request: of one token, without thinking."""
    messages = [{"role": "user", "content": "Hi"}]
    return orjson.dumps({"model": model, "messages": messages, "max_tokens": 1, "reasoning_effort": "none"})


async def call(settings: Settings, line: Line, model: str, limit: float) -> Finding:
    """Ask *line* for one token of what an app calls *model*; *limit*: seconds for all of it."""
    asked = ChatCall(body(model))
    record = Record("req_doctor", "POST", "chat", time.monotonic)
    head = Head("chatcmpl-doctor", model, int(time.time()))
    exchange = Exchange(Service(settings, [line]), asked, head, record, agent=USER_AGENT)
    try:
        async with asyncio.timeout(limit):
            await exchange.open()
    except ProxyError as e:
        return refused(e, line, record)
    except TimeoutError:
        message = f"the upstream did not answer within {limit:g} s"
        return refused(ProxyError(errors.UPSTREAM_TIMEOUT, message), line, record)
    return ok(NAME, answered(record, line))


def answered(record: Record, line: Line) -> str:
    """Who has answered, how fast, and what there was to mend."""
    facts = record.facts()
    tokens = (
        f", {facts['prompt_tokens']}+{facts.get('completion_tokens', 0)} tokens" if "prompt_tokens" in facts else ""
    )
    learned = f"; learned: {', '.join(record.learned)}" if record.learned else ""
    return f"{record.used} at {line.upstream.base_url} answered in {record.elapsed_ms()} ms{tokens}{learned}"


def refused(error: ProxyError, line: Line, record: Record) -> Finding:
    """About a call that failed: the message holds what is known of key and host."""
    level: Level = "warn" if error.failure in PASSING else "fail"
    message, next = error.message, NEXT.get(error.failure, ADDRESS)
    credential = line.credential
    if error.failure is errors.UPSTREAM_KEY and isinstance(credential, OAuth):
        next = SIGN_IN
        if credential.current is None:  # the message names the link of a sign-in that ends with this process
            message = f"the login is over: {credential.failure.message if credential.failure else 'it is gone'}"
    if error.failure is errors.ACCESS_DENIED and line.plan.forwards_user_agent:
        level, next = "warn", AGENTS
    model = f"{record.used} at " if record.used else ""
    return Finding(NAME, level, f"{model}{line.upstream.base_url}: {message}", next)
