"""A reply in parts."""

from qwenproxy.simulator.dashscope.parts import Spent, spent_on, told, usage_of, whole_of
from qwenproxy.simulator.reply import Call, Choice, Prompt, Reply

CALLS = (Call("call_a", "lookup", '{"q": "Riga"}'), Call("call_b", "lookup", "{}"))
THOUGHT = Reply((Choice("I should look it up.", "", CALLS, "tool_calls"),), Prompt(9), thinks=True)
TWO = Reply((Choice(text="One two three four five"), Choice(text="Six")), Prompt(1))


def test_parts_add_up_to_the_choice() -> None:
    parts = [part for _, part, _ in told(THOUGHT)]
    assert "".join(part.thinking for part in parts) == "I should look it up."
    pieces = [piece for part in parts for piece in part.calls]
    assert "".join(p["function"]["arguments"] for p in pieces if p["index"] == 0) == '{"q": "Riga"}'
    assert [part.finish for part in parts] == ["null"] * (len(parts) - 1) + ["tool_calls"]


def test_a_call_opens_with_its_name_and_goes_on_without() -> None:
    first, *later = [piece for _, part, _ in told(THOUGHT) for piece in part.calls if piece["index"] == 0]
    assert first == {"index": 0, "id": "call_a", "type": "function", "function": {"name": "lookup", "arguments": ""}}
    assert later
    assert all((piece["id"], [*piece["function"]]) == ("", ["arguments"]) for piece in later)


def test_the_whole_has_whole_calls() -> None:
    part = whole_of(THOUGHT.choices[0])
    assert [piece["function"]["arguments"] for piece in part.calls] == ['{"q": "Riga"}', "{}"]
    assert (part.thinking, part.finish) == ("I should look it up.", "tool_calls")


def test_the_cost_grows_and_ends_at_the_choice_s_own() -> None:
    costs = [cost for _, _, cost in told(THOUGHT)]
    assert costs == sorted(costs)
    assert costs[-1] == spent_on(THOUGHT.choices[0])


def test_several_choices_come_by_turns_each_with_its_own_cost() -> None:
    told_ones = list(told(TWO))
    assert [index for index, _, _ in told_ones][:4] == [0, 1, 0, 1]
    last = {index: cost for index, _, cost in told_ones}
    assert [last[0], last[1]] == [spent_on(choice) for choice in TWO.choices]


def test_usage_adds_up() -> None:
    usage = usage_of(Prompt(9), Spent(3, 4), multimodal=False)
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (9, 7, 16)
    assert usage["output_tokens_details"] == {"reasoning_tokens": 3, "text_tokens": 4}
    assert "input_tokens_details" not in usage


def test_images_are_counted_where_they_can_be_asked_about() -> None:
    usage = usage_of(Prompt(9, 100), Spent(), multimodal=True)
    assert (usage["input_tokens"], usage["image_tokens"]) == (109, 100)
    assert usage["input_tokens_details"] == {"text_tokens": 9, "image_tokens": 100}
    assert "image_tokens" not in usage_of(Prompt(9), Spent(), multimodal=True)
