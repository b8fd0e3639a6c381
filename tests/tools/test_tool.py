"""A tool as models and people see it."""

from tests.tools.tooling import tool_of


async def nothing(_: object) -> str:
    return ""


def test_it_is_offered_as_a_function() -> None:
    tool = tool_of(nothing, parameters={"type": "object", "properties": {"a": {"type": "integer"}}})
    parameters = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert tool.function() == {
        "type": "function",
        "function": {"name": "it", "description": "", "parameters": parameters},
    }


def test_people_also_read_where_it_is_from_and_what_it_does() -> None:
    facts = tool_of(nothing, needs_confirmation=True).facts()
    assert (facts["source"], facts["read_only"], facts["needs_confirmation"]) == ("a test", False, True)
