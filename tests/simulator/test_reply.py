"""What is said, in no upstream's words."""

from qwenproxy.simulator.reply import Call, Choice


def test_thinking_and_answer_are_counted_apart() -> None:
    choice = Choice("One two", "Three", (Call("a", "f", "{}"),))
    assert (choice.thinking_tokens, choice.answer_tokens) == (2, 4)
