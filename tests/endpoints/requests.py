"""Chat completion requests, good and wrong."""

from typing import Any

from qwenproxy.errors import INVALID_TYPE, INVALID_VALUE, MISSING_PARAMETER, Failure
from qwenproxy.wire.openai import Json

HI: Json = {"role": "user", "content": "Hi"}


def asking(*messages: Any, **fields: Any) -> Json:
    """A request with *messages*, or one that says hello."""
    return {"model": "gpt-4o", "messages": list(messages) or [HI]} | fields


def parts(*parts: Any, role: str = "user") -> Json:
    return asking({"role": role, "content": list(parts)})


def function(name: str, **fields: Any) -> Json:
    return {"type": "function", "function": {"name": name} | fields}


def custom(name: str, **fields: Any) -> Json:
    return {"type": "custom", "custom": {"name": name} | fields}


def allowed(*tools: Json, mode: str = "auto") -> Json:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}


def calling(**call: Any) -> Json:
    return asking({"role": "assistant", "tool_calls": [call]})


GOOD: dict[str, Json] = {
    "the least": asking(),
    "every role": asking(
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        HI | {"name": "ann"},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "tool_calls": [{"id": "a", **function("f", arguments="{}")}]},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "1"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "b", **custom("c", input="x")}]},
        {"role": "tool", "tool_call_id": "b", "content": ""},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": None},
    ),
    "every part": parts(
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "original"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "file", "file": {"file_data": "AA==", "filename": "a.pdf"}},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
        {"type": "video", "video": ["https://example.com/1.png"]},
    ),
    "a dumped message of an SDK": asking(
        {"role": "assistant", "content": "x", "refusal": None, "audio": None, "function_call": None, "tool_calls": None}
    ),
    "reasoning in the history": asking({"role": "assistant", "content": "x", "reasoning_content": "Hm."}),
    "all bounds, lowest": asking(
        temperature=0,
        top_p=0,
        n=1,
        presence_penalty=-2,
        frequency_penalty=-2,
        max_tokens=1,
        logprobs=True,
        top_logprobs=0,
    ),
    "all bounds, highest": asking(
        temperature=2, top_p=1.0, n=128, presence_penalty=2, logprobs=True, top_logprobs=20, stop=["a", "b", "c", "d"]
    ),
    "numbers of either kind": asking(temperature=1, top_p=0.5, seed=-(2**63)),
    "nulls": asking(
        temperature=None,
        n=None,
        stop=None,
        tools=None,
        tool_choice=None,
        functions=None,
        stream=None,
        stream_options=None,
    ),
    "one stop": asking(stop="END"),
    "no tools": asking(tools=[], tool_choice="auto"),
    "tools": asking(
        tools=[
            function("f", parameters={"type": "object"}, strict=True),
            function("g-1", parameters=None),
            custom("c"),
        ],
        tool_choice="required",
        parallel_tool_calls=False,
    ),
    "grammars": asking(
        tools=[
            custom("a", format={"type": "text"}),
            custom("b", format={"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/"}}),
        ]
    ),
    "a function chosen": asking(tools=[function("f")], tool_choice=function("f")),
    "a custom tool chosen": asking(tools=[custom("c")], tool_choice=custom("c")),
    "tools allowed": asking(tools=[function("f"), custom("c")], tool_choice=allowed(custom("c"), mode="required")),
    "the former names": asking(functions=[{"name": "f"}], function_call={"name": "f"}),
    "formats": asking(response_format={"type": "json_object"}),
    "a schema": asking(
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": {}, "strict": None}}
    ),
    "a stream": asking(stream=True, stream_options={"include_usage": True, "include_obfuscation": False}),
    "what only Qwen knows": asking(enable_thinking=True, top_k=None),
}

ROLE = "messages[0].role"
CONTENT = "messages[0].content"
CALL = "messages[0].tool_calls[0]"
TEXT = {"type": "text", "text": "x"}

WRONG: list[tuple[Any, Failure, str | None]] = [
    # all of it
    ([], INVALID_TYPE, None),
    (None, INVALID_TYPE, None),
    ({}, MISSING_PARAMETER, "model"),
    # model and messages
    ({"messages": [HI]}, MISSING_PARAMETER, "model"),
    ({"model": "m"}, MISSING_PARAMETER, "messages"),
    ({"model": None, "messages": [HI]}, INVALID_TYPE, "model"),
    ({"model": "", "messages": [HI]}, INVALID_VALUE, "model"),
    ({"model": "m", "messages": []}, INVALID_VALUE, "messages"),
    ({"model": "m", "messages": {}}, INVALID_TYPE, "messages"),
    # roles
    (asking("Hi"), INVALID_TYPE, "messages[0]"),
    (asking({"content": "Hi"}), MISSING_PARAMETER, ROLE),
    (asking({"role": None, "content": "Hi"}), INVALID_TYPE, ROLE),
    (asking({"role": ["user"], "content": "Hi"}), INVALID_TYPE, ROLE),
    (asking({"role": "bot", "content": "Hi"}), INVALID_VALUE, ROLE),
    (asking(HI, HI, {"role": "User", "content": "Hi"}), INVALID_VALUE, "messages[2].role"),
    # contents
    (asking({"role": "user"}), MISSING_PARAMETER, CONTENT),
    (asking({"role": "user", "content": None}), INVALID_TYPE, CONTENT),
    (asking({"role": "user", "content": TEXT}), INVALID_TYPE, CONTENT),
    (parts("Hi"), INVALID_TYPE, f"{CONTENT}[0]"),
    (parts(TEXT, {"text": "x"}), MISSING_PARAMETER, f"{CONTENT}[1].type"),
    (parts(TEXT, {"type": "pdf"}), INVALID_VALUE, f"{CONTENT}[1].type"),
    (parts(TEXT, {"type": "text"}), MISSING_PARAMETER, f"{CONTENT}[1].text"),
    (parts({"type": "text", "text": 5}), INVALID_TYPE, f"{CONTENT}[0].text"),
    (parts({"type": "image_url", "image_url": "https://x"}), INVALID_TYPE, f"{CONTENT}[0].image_url"),
    (parts({"type": "image_url", "image_url": {}}), MISSING_PARAMETER, f"{CONTENT}[0].image_url.url"),
    (
        parts({"type": "image_url", "image_url": {"url": "u", "detail": "max"}}),
        INVALID_VALUE,
        f"{CONTENT}[0].image_url.detail",
    ),
    (
        parts({"type": "input_audio", "input_audio": {"data": ""}}),
        MISSING_PARAMETER,
        f"{CONTENT}[0].input_audio.format",
    ),
    (parts({"type": "file", "file": "a.pdf"}), INVALID_TYPE, f"{CONTENT}[0].file"),
    (parts({"type": "refusal", "refusal": "no"}), INVALID_VALUE, f"{CONTENT}[0].type"),
    (parts({"type": "image_url"}, role="system"), INVALID_VALUE, f"{CONTENT}[0].type"),
    (parts({"type": "image_url"}, role="assistant"), INVALID_VALUE, f"{CONTENT}[0].type"),
    (parts({"type": "image_url"}, role="tool"), INVALID_VALUE, f"{CONTENT}[0].type"),
    # calls and results
    (asking({"role": "tool", "content": "1"}), MISSING_PARAMETER, "messages[0].tool_call_id"),
    (asking({"role": "function", "content": "1"}), MISSING_PARAMETER, "messages[0].name"),
    (calling(id="a", function={}), MISSING_PARAMETER, f"{CALL}.type"),
    (calling(id="a", type="hosted"), INVALID_VALUE, f"{CALL}.type"),
    (calling(type="function", function={"name": "f", "arguments": "{}"}), MISSING_PARAMETER, f"{CALL}.id"),
    (calling(id="a", type="function"), MISSING_PARAMETER, f"{CALL}.function"),
    (calling(id="a", **function("f")), MISSING_PARAMETER, f"{CALL}.function.arguments"),
    (calling(id="a", **function("f", arguments={})), INVALID_TYPE, f"{CALL}.function.arguments"),
    (calling(id="a", **custom("c")), MISSING_PARAMETER, f"{CALL}.custom.input"),
    (asking({"role": "assistant", "function_call": {}}), MISSING_PARAMETER, "messages[0].function_call.name"),
    # tools
    (asking(tools={}), INVALID_TYPE, "tools"),
    (asking(tools=[{}]), MISSING_PARAMETER, "tools[0].type"),
    (asking(tools=[{"type": "web_search"}]), INVALID_VALUE, "tools[0].type"),
    (asking(tools=[{"type": "function"}]), MISSING_PARAMETER, "tools[0].function"),
    (asking(tools=[{"type": "function", "function": {}}]), MISSING_PARAMETER, "tools[0].function.name"),
    (asking(tools=[function("")]), INVALID_VALUE, "tools[0].function.name"),
    (asking(tools=[function("get weather")]), INVALID_VALUE, "tools[0].function.name"),
    (asking(tools=[function("f\n")]), INVALID_VALUE, "tools[0].function.name"),
    (asking(tools=[function("x" * 65)]), INVALID_VALUE, "tools[0].function.name"),
    (asking(tools=[function("f", parameters=[])]), INVALID_TYPE, "tools[0].function.parameters"),
    (asking(tools=[function("f"), function("f")]), INVALID_VALUE, "tools[1].function.name"),
    (asking(tools=[function("f"), custom("f")]), INVALID_VALUE, "tools[1].custom.name"),
    (asking(tools=[custom("c", format={"type": "ebnf"})]), INVALID_VALUE, "tools[0].custom.format.type"),
    (asking(tools=[custom("c", format={"type": "grammar"})]), MISSING_PARAMETER, "tools[0].custom.format.grammar"),
    (asking(tools=[function("f")], functions=[{"name": "g"}]), INVALID_VALUE, "functions"),
    # the choice among them
    (asking(tool_choice=5), INVALID_TYPE, "tool_choice"),
    (asking(tool_choice="any"), INVALID_VALUE, "tool_choice"),
    (asking(tool_choice={}), MISSING_PARAMETER, "tool_choice.type"),
    (asking(tool_choice={"type": "any"}), INVALID_VALUE, "tool_choice.type"),
    (asking(tool_choice={"type": "function"}), MISSING_PARAMETER, "tool_choice.function"),
    (asking(tool_choice="required"), INVALID_VALUE, "tool_choice"),
    (asking(tool_choice=function("f")), INVALID_VALUE, "tool_choice.function.name"),
    (asking(tools=[function("f")], tool_choice=function("g")), INVALID_VALUE, "tool_choice.function.name"),
    (asking(tools=[function("f")], tool_choice=custom("f")), INVALID_VALUE, "tool_choice.custom.name"),
    (
        asking(tools=[function("f")], tool_choice=allowed(function("f"), custom("c"))),
        INVALID_VALUE,
        "tool_choice.allowed_tools.tools[1].custom.name",
    ),
    (asking(tools=[function("f")], tool_choice=allowed()), INVALID_VALUE, "tool_choice.allowed_tools.tools"),
    (
        asking(tools=[function("f")], tool_choice=allowed(function("f"), mode="none")),
        INVALID_VALUE,
        "tool_choice.allowed_tools.mode",
    ),
    # the former names
    (asking(functions=[{}]), MISSING_PARAMETER, "functions[0].name"),
    (asking(functions=[{"name": "f"}, {"name": "f"}]), INVALID_VALUE, "functions[1].name"),
    (asking(function_call="required"), INVALID_VALUE, "function_call"),
    (asking(functions=[{"name": "f"}], function_call={"name": "g"}), INVALID_VALUE, "function_call.name"),
    # numbers
    (asking(n=0), INVALID_VALUE, "n"),
    (asking(n=129), INVALID_VALUE, "n"),
    (asking(n=1.0), INVALID_TYPE, "n"),
    (asking(n=True), INVALID_TYPE, "n"),
    (asking(temperature=-0.1), INVALID_VALUE, "temperature"),
    (asking(temperature=2.1), INVALID_VALUE, "temperature"),
    (asking(temperature="1"), INVALID_TYPE, "temperature"),
    (asking(top_p=1.5), INVALID_VALUE, "top_p"),
    (asking(presence_penalty=3), INVALID_VALUE, "presence_penalty"),
    (asking(frequency_penalty=-3), INVALID_VALUE, "frequency_penalty"),
    (asking(max_tokens=0), INVALID_VALUE, "max_tokens"),
    (asking(max_completion_tokens=-1), INVALID_VALUE, "max_completion_tokens"),
    (asking(seed=1e30), INVALID_TYPE, "seed"),
    (asking(logprobs=True, top_logprobs=21), INVALID_VALUE, "top_logprobs"),
    (asking(top_logprobs=2), INVALID_VALUE, "top_logprobs"),
    (asking(logprobs=False, top_logprobs=0), INVALID_VALUE, "top_logprobs"),
    # the rest
    (asking(stop=["a", "b", "c", "d", "e"]), INVALID_VALUE, "stop"),
    (asking(stop=5), INVALID_TYPE, "stop"),
    (asking(stop=["a", 5]), INVALID_TYPE, "stop[1]"),
    (asking(stream="yes"), INVALID_TYPE, "stream"),
    (asking(stream_options={}), INVALID_VALUE, "stream_options"),
    (asking(stream=True, stream_options={"include_usage": 1}), INVALID_TYPE, "stream_options.include_usage"),
    (asking(response_format="json"), INVALID_TYPE, "response_format"),
    (asking(response_format={}), MISSING_PARAMETER, "response_format.type"),
    (asking(response_format={"type": "xml"}), INVALID_VALUE, "response_format.type"),
    (asking(response_format={"type": "json_schema"}), MISSING_PARAMETER, "response_format.json_schema"),
    (
        asking(response_format={"type": "json_schema", "json_schema": {}}),
        MISSING_PARAMETER,
        "response_format.json_schema.name",
    ),
    (asking(reasoning_effort="hard"), INVALID_VALUE, "reasoning_effort"),
    (asking(modalities=["text", "smell"]), INVALID_VALUE, "modalities[1]"),
]
