"""The clients of the README's table: what to run, and how to read what it got.  Each knows only api.openai.com."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from qwenproxy.wire.openai import Json
from tests.clients import toolchains
from tests.clients.toolchains import CLIENTS

type Answers = Mapping[str, str]
"""What a client got: a text for each of `plain`, `streamed` and `tools` that it can, and its `version`."""

WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
MESSAGES = {"plain": "Hello", "streamed": "Hello", "tools": "What is the weather in Riga?"}
MORE: Mapping[str, Json] = {"plain": {}, "streamed": {"stream": True}, "tools": {"tools": [WEATHER]}}
EXEC = "`qwenproxy exec`"
WEBSOCKET_BEGUN, TRACES_DROPPED, NO_WEBSOCKETS = 101, 204, 426


def bodies() -> list[str]:
    """What bare HTTP clients are to send."""
    return [
        orjson.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **MORE[kind]}).decode()
        for kind, text in MESSAGES.items()
    ]


def as_json(out: str) -> Answers:
    """What an SDK's program printed."""
    found: Answers = orjson.loads(out)
    return found


def as_lines(out: str) -> Answers:
    """What a bare HTTP client printed: for each answer a line with the HTTP version, the status, and the body."""
    lines = [line.split(" ", 2) for line in out.splitlines()]
    assert [status for _, status, _ in lines] == ["200"] * len(MESSAGES)
    plain, streamed, call = [body for *_, body in lines]
    (function,) = [each["function"] for each in message(call)["tool_calls"]]
    return {
        "plain": message(plain)["content"],
        "streamed": "".join(pieces(streamed)),
        "tools": f"{function['name']}: 12 degrees in {orjson.loads(function['arguments'])['city']}",
    }


def message(body: str) -> Any:
    return orjson.loads(body.strip("|"))["choices"][0]["message"]


def pieces(body: str) -> list[str]:
    """What the events of a stream say."""
    events = [line.removeprefix("data: ") for line in body.split("|") if line.startswith("data: ")]
    assert events.pop() == "[DONE]"
    return [orjson.loads(event)["choices"][0]["delta"].get("content") or "" for event in events]


@dataclass(frozen=True)
class Client:
    """One line.  What is called raises Missing where the client cannot be had."""

    name: str
    words: Callable[[], Sequence[str]]
    """What to run."""
    read: Callable[[str], Answers] = as_json
    version: Callable[[], str] | None = None
    """Of a client that does not tell it itself."""
    heavy: bool = False
    """Whether it takes too long for every run: to install, most of them, half a gigabyte perhaps."""
    besides: frozenset[int] = frozenset()
    """The statuses of what it asks the proxy for besides answers."""
    environ: Callable[[], Mapping[str, str]] = dict
    how: str = EXEC


def script(name: str) -> str:
    return str(CLIENTS / name)


def in_environment(environment: str, name: str, *words: str) -> Callable[[], Sequence[str]]:
    """The program *name* of this folder, run by the Python of an environment of its own, with *words*."""
    return lambda: (toolchains.python_with(environment), script(name), *words)


def of_npm(package: str, program: str, name: str) -> Callable[[], Sequence[str]]:
    """The program *name* of this folder, given a program of an npm package."""
    return lambda: (sys.executable, script(name), toolchains.npm_program(package, program))


def in_curl(option: str) -> Callable[[], Sequence[str]]:
    return lambda: ("sh", script("chat.sh"), option, *bodies())


def number_of(*words: str) -> Callable[[], str]:
    """The version that a program tells."""

    def found() -> str:
        said = toolchains.call(toolchains.program(words[0]), *words[1:], cwd=CLIENTS)
        numbers = re.search(r"\d+(\.\d+)+", said)
        assert numbers is not None, said
        return numbers[0]

    return found


def in_java() -> Sequence[str]:
    return (toolchains.program("java"), script("Chat.java"), *bodies())


def in_node() -> Sequence[str]:
    return (toolchains.node(), str(toolchains.node_script("with_node.mjs")))


def in_ai_sdk() -> Sequence[str]:
    return (toolchains.node(), str(toolchains.ai_sdk_script()))


def in_deaf_node() -> Sequence[str]:
    return (toolchains.deaf_node(), str(toolchains.node_script("with_node.mjs")))


def without_prices() -> Mapping[str, str]:
    """LiteLLM fetches the prices of models when it is imported, and tries again and again, unless it is told not to."""
    return {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def heeding() -> Mapping[str, str]:
    return {"NODE_OPTIONS": f"--require={toolchains.proxies_heeded()}"}


TABLE: Sequence[Client] = (
    Client("openai-python 3", lambda: (sys.executable, script("with_openai.py"))),
    Client("openai-python 3, aiohttp", in_environment("openai-aiohttp", "with_aiohttp.py")),
    Client("openai-python 2", in_environment("openai-2", "with_openai.py")),
    Client("openai-python 0.28", in_environment("openai-0", "with_openai_0.py")),
    Client("openai-node, Node 24", in_node),
    Client(
        "openai-node, Node 20", in_deaf_node, environ=heeding, how=f"{EXEC}, `NODE_OPTIONS=--require=heed_proxies.cjs`"
    ),
    Client("curl, HTTP/1.1", in_curl("--http1.1"), as_lines, number_of("curl", "--version")),
    Client("curl, HTTP/2", in_curl("--http2"), as_lines, number_of("curl", "--version")),
    Client("Java 17, HTTP/2", in_java, as_lines, number_of("java", "--version")),
    Client("LangChain", in_environment("langchain", "with_langchain.py")),
    Client("LangChain, `use_responses_api`", in_environment("langchain", "with_langchain.py", "responses")),
    Client("pydantic-ai", in_environment("pydantic-ai", "with_pydantic_ai.py", "openai-chat:gpt-4o")),
    Client(
        "pydantic-ai, `openai-responses:`",
        in_environment("pydantic-ai", "with_pydantic_ai.py", "openai-responses:gpt-4o"),
    ),
    Client(
        "openai-agents, with traces",
        in_environment("openai-agents", "with_openai_agents.py"),
        heavy=True,
        besides=frozenset({TRACES_DROPPED}),
    ),
    Client("Vercel AI SDK", in_ai_sdk),
    Client("instructor", in_environment("instructor", "with_instructor.py")),
    Client("LiteLLM", in_environment("litellm", "with_litellm.py"), environ=without_prices),
    Client("llm", in_environment("llm", "with_llm.py")),
    Client("aider", in_environment("aider", "with_aider.py"), environ=without_prices, heavy=True),
    Client("Continue", of_npm("@continuedev/cli@1", "cn", "with_continue.py"), heavy=True),
    Client("opencode", of_npm("opencode-ai@1", "opencode", "with_opencode.py"), heavy=True),
    Client(
        "Codex, over its WebSocket",
        of_npm("@openai/codex@0", "codex", "with_codex.py"),
        heavy=True,
        besides=frozenset({WEBSOCKET_BEGUN}),
    ),
    Client(
        "Codex, its WebSocket refused",
        of_npm("@openai/codex@0", "codex", "with_codex.py"),
        heavy=True,
        besides=frozenset({NO_WEBSOCKETS}),
        environ=lambda: {"QWENPROXY_WEBSOCKETS": "off"},
        how=f"{EXEC}, `QWENPROXY_WEBSOCKETS=off`",
    ),
)
