"""Input items as chat messages."""

from typing import Any, get_args, get_type_hints

import pytest
from openai.types.responses.response_input_item_param import ResponseInputItemParam

from qwenproxy.endpoints.responses import items
from qwenproxy.errors import INVALID_REQUEST, UNSUPPORTED_VALUE, ProxyError
from qwenproxy.wire.openai import Json
from tests.endpoints.responses.asking import SEAL, ask, custom, function

USER: Json = {"role": "user", "content": "Hi"}


def kinds() -> set[str]:
    """The types of all items that the official package knows."""
    found: set[str] = set()
    for shape in get_args(ResponseInputItemParam):
        hint = get_type_hints(shape)["type"]
        stack = [hint]
        while stack:
            one = stack.pop()
            found |= {one} if isinstance(one, str) else set()
            stack += get_args(one)
    return found


def test_every_kind_of_item_has_a_ruling() -> None:
    assert items.ITEMS.keys() == kinds()


def call(call_id: str, name: str = "f", arguments: str = "{}", **fields: Any) -> Json:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments} | fields


def gave(call_id: str, output: Any = "1") -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def called(*calls: tuple[str, str, str], **fields: Any) -> Json:
    """An assistant's message with calls."""
    made = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in calls]
    return {"role": "assistant", "content": None, "tool_calls": made} | fields


def tool(call_id: str, content: Any = "1") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def thought(text: str, **fields: Any) -> Json:
    return {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]} | fields


NAMESPACE = {"type": "namespace", "name": "crm", "description": "", "tools": [function("f")]}

CASES: dict[str, tuple[list[Json], list[Json]]] = {
    "messages of every form": (
        [
            {"type": "message", "role": "developer", "content": "Be brief."},
            {"role": "system", "content": [{"type": "input_text", "text": "a"}]},
            USER,
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "phase": "commentary",
                "content": [
                    {"type": "output_text", "text": "a", "annotations": []},
                    {"type": "output_text", "text": "b"},
                ],
            },
        ],
        [
            {"role": "developer", "content": "Be brief."},
            {"role": "system", "content": "a"},
            USER,
            {"role": "assistant", "content": "ab"},
        ],
    ),
    "calls of one turn are one message": (
        [
            USER,
            {"role": "assistant", "content": "So:"},
            call("a"),
            call("b", "g", '{"x": 1}'),
            gave("a"),
            gave("b", "2"),
        ],
        [USER, called(("a", "f", "{}"), ("b", "g", '{"x": 1}'), content="So:"), tool("a"), tool("b", "2")],
    ),
    "calls of two turns are two": (
        [USER, call("a"), gave("a"), call("b"), gave("b")],
        [USER, called(("a", "f", "{}")), tool("a"), called(("b", "f", "{}")), tool("b")],
    ),
    "a call of a namespace": (
        [call("a", namespace="crm"), gave("a")],
        [called(("a", "crm__f", "{}")), tool("a")],
    ),
    "a call of the top namespace": ([call("a", namespace="functions")], [called(("a", "f", "{}"))]),
    "an output in parts": (
        [call("a"), gave("a", [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "u"}])],
        [
            called(("a", "f", "{}")),
            tool("a", [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}]),
        ],
    ),
    "a custom call": (
        [
            {"type": "custom_tool_call", "call_id": "a", "name": "c", "input": 'say "hi"'},
            {"type": "custom_tool_call_output", "call_id": "a", "output": "hi"},
        ],
        [called(("a", "c", '{"input":"say \\"hi\\""}')), tool("a", "hi")],
    ),
    "a local shell, its result by its id": (
        [
            {"type": "local_shell_call", "id": "lsh_1", "call_id": "a", "action": {"type": "exec", "command": ["ls"]}},
            {"type": "local_shell_call_output", "id": "lsh_1", "output": "x"},
        ],
        [called(("a", "local_shell", '{"command":["ls"]}')), tool("a", "x")],
    ),
    "a shell": (
        [
            {"type": "shell_call", "call_id": "a", "action": {"commands": ["ls"]}},
            {"type": "shell_call_output", "call_id": "a", "output": []},
        ],
        [called(("a", "shell", '{"commands":["ls"]}')), tool("a", "[]")],
    ),
    "a patch": (
        [
            {"type": "apply_patch_call", "call_id": "a", "status": "completed", "operation": {"type": "delete_file"}},
            {"type": "apply_patch_call_output", "call_id": "a", "status": "completed"},
        ],
        [called(("a", "apply_patch", '{"type":"delete_file"}')), tool("a", "completed")],
    ),
    "thinking belongs to the answer after it": (
        [USER, thought("Hm."), {"role": "assistant", "content": "x"}, USER, thought("So"), call("b"), gave("b")],
        [
            USER,
            {"role": "assistant", "content": "x", "reasoning_content": "Hm."},
            USER,
            called(("b", "f", "{}"), reasoning_content="So"),
            tool("b"),
        ],
    ),
    "thinking between calls": (
        [call("a"), thought("Hm."), call("b")],
        [called(("a", "f", "{}")), called(("b", "f", "{}"), reasoning_content="Hm.")],
    ),
    "raw thinking comes before its summary": (
        [thought("short", content=[{"type": "reasoning_text", "text": "long"}]), call("a")],
        [called(("a", "f", "{}"), reasoning_content="long")],
    ),
    "thinking that leads nowhere": ([thought("Hm."), USER], [USER]),
    "sealed by somebody else": (
        [thought("", encrypted_content="gAAAA", summary=[]), call("a")],
        [called(("a", "f", "{}"))],
    ),
    "an earlier search for tools": (
        [
            {"type": "tool_search_call", "call_id": "a", "arguments": {"query": "x"}, "execution": "client"},
            {"type": "tool_search_output", "call_id": "a", "tools": [function("late")], "execution": "client"},
        ],
        [called(("a", "tool_search", '{"query":"x"}')), tool("a", '{"tools":[{"name":"late"}]}')],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_items_are_messages(name: str) -> None:
    given, told = CASES[name]
    assert ask(given, tools=[function("f"), custom("c"), NAMESPACE]).chat["messages"] == told


def test_a_string_is_a_users_message_after_the_instructions() -> None:
    chat = ask("Hi", instructions="Be brief.").chat
    assert chat["messages"] == [{"role": "system", "content": "Be brief."}, USER]


def test_items_that_are_not_for_the_model_are_named() -> None:
    hosted = [{"type": kind} for kind in ("web_search_call", "mcp_call", "x\r\ny")]
    found = ask([*hosted, USER])
    assert found.chat["messages"] == [USER]
    assert found.dropped == ["input.web_search_call", "input.mcp_call", "input.unknown"]


def test_sealed_thinking_that_does_not_open_is_named() -> None:
    """Another server's, or of a key that is gone: the rest of the item counts all the same."""
    for seal in (None, SEAL):
        found = ask([USER, {"type": "reasoning", "encrypted_content": "x"}], options={"seal": seal})
        assert found.dropped == ["input.reasoning.encrypted_content"]
        assert found.chat["messages"] == [USER]


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"id": "msg_1"}, "input[1]"),
        ({"type": None, "id": "msg_1"}, "input[1]"),
        ({"type": "item_reference", "id": "msg_1"}, "input[1]"),
        ({"type": "compaction", "encrypted_content": "x"}, "input[1].encrypted_content"),
    ],
)
def test_what_only_a_store_knows_is_refused(item: Json, param: str) -> None:
    with pytest.raises(ProxyError) as caught:
        ask([USER, item])
    assert (caught.value.failure, caught.value.param) == (UNSUPPORTED_VALUE, param)


def test_a_result_without_its_call_is_refused() -> None:
    with pytest.raises(ProxyError) as caught:
        ask([USER, gave("call_9")])
    assert (caught.value.failure, caught.value.param) == (INVALID_REQUEST, "input")
    assert "call_9" in caught.value.message


def test_tools_may_come_among_the_items() -> None:
    found = ask(
        [
            {"type": "additional_tools", "role": "developer", "tools": [function("late")]},
            USER,
            {"type": "additional_tools", "role": "developer", "tools": [function("late", description="better")]},
        ],
        tools=[function("f")],
    )
    assert [tool["function"]["name"] for tool in found.chat["tools"]] == ["f", "late"]
    assert found.chat["tools"][1]["function"]["description"] == "better"


def test_the_configuration_may_change_on_the_way() -> None:
    update = {"type": "configuration_update", "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}}
    found = ask([USER, update], reasoning={"effort": "high"}, text={"verbosity": "low"})
    assert (found.chat["reasoning_effort"], found.chat["verbosity"]) == ("low", "low")
    assert found.asked["reasoning"] == {"effort": "high"}
