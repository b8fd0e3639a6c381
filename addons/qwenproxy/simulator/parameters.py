"""Rules for single parameters: each says what is wrong with a request, or None."""

from typing import Any, TypeGuard

from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.costs import prompt_of

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
SEED_MAX = 2**31 - 1


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def temperature(ask: Ask) -> str | None:
    value = ask.chat.get("temperature")
    fine = value is None or (_is_number(value) and 0 <= value < 2)
    return None if fine else "Temperature should be in [0.0, 2.0)"


def top_p(ask: Ask) -> str | None:
    value = ask.chat.get("top_p")
    fine = value is None or (_is_number(value) and 0 < value <= ask.row.max_top_p)
    return None if fine else f"Range of top_p should be (0.0, {ask.row.max_top_p}]"


def top_k(ask: Ask) -> str | None:
    value = ask.chat.get("top_k")
    return (
        None if value is None or (_is_whole(value) and value >= 0) else "Parameter top_k be greater than or equal to 0"
    )


def presence_penalty(ask: Ask) -> str | None:
    value = ask.chat.get("presence_penalty")
    fine = value is None or (_is_number(value) and -2 <= value <= 2)
    return None if fine else "Presence_penalty should be in [-2.0, 2.0]"


def repetition_penalty(ask: Ask) -> str | None:
    value = ask.chat.get("repetition_penalty")
    return (
        None if value is None or (_is_number(value) and value > 0) else "Repetition_penalty should be greater than 0.0"
    )


def seed(ask: Ask) -> str | None:
    value = ask.chat.get("seed")
    fine = value is None or (_is_whole(value) and 0 <= value <= SEED_MAX)
    return None if fine else f"Range of seed should be [0, {SEED_MAX}]"


def stop(ask: Ask) -> str | None:
    """A string or a list, of strings or of token ids, not of both."""
    value = ask.chat.get("stop")
    kinds = {type(item) for item in value} if isinstance(value, list) else {type(value)}
    return (
        None if kinds <= {str} or kinds <= {int} or value is None else "stop should be a string or a list of one kind"
    )


def top_logprobs(ask: Ask) -> str | None:
    value = ask.chat.get("top_logprobs")
    fine = value is None or (_is_whole(value) and 0 <= value <= 5)
    return None if fine else "Range of top_logprobs should be [0, 5]"


def input_length(ask: Ask) -> str | None:
    fine = sum(prompt_of(ask)) <= ask.row.context
    return None if fine else f"Range of input length should be [1, {ask.row.context}]"


def max_tokens(ask: Ask) -> str | None:
    return _within_output(ask, "max_tokens")


def max_completion_tokens(ask: Ask) -> str | None:
    """Counted by the models that take it, and then larger than the thinking budget; others do not read it."""
    if not ask.row.max_completion_tokens:
        return None
    budget, value = ask.chat.get("thinking_budget"), ask.chat.get("max_completion_tokens")
    if _is_whole(budget) and _is_whole(value) and value <= budget:
        return "max_completion_tokens must be greater than thinking_budget"
    return _within_output(ask, "max_completion_tokens")


def _within_output(ask: Ask, name: str) -> str | None:
    value = ask.chat.get(name)
    fine = value is None or (_is_whole(value) and 1 <= value <= ask.row.max_output)
    return None if fine else f"Range of {name} should be [1, {ask.row.max_output}]"


def n(ask: Ask) -> str | None:
    """Several answers: as many as the row says, without tools and thinking."""
    value = ask.chat.get("n")
    if value is None or value == 1:
        return None
    if not _is_whole(value) or not 1 <= value <= min(4, ask.row.max_choices):
        return f"Range of n should be [1, {min(4, ask.row.max_choices)}]"
    if ask.tools:
        return "n should be 1 when tools are set"
    return "n should be 1 in thinking mode" if ask.thinks else None


def streams_only(ask: Ask) -> str | None:
    if ask.stream or not ask.row.streams_only:
        return None
    return "This model only support stream mode, please enable the stream parameter to access the model."


def thinks_only_streaming(ask: Ask) -> str | None:
    if ask.stream or not ask.thinks or not ask.row.thinks_only_streaming:
        return None
    return "parameter.enable_thinking must be set to false for non-streaming calls"


def thinks_always(ask: Ask) -> str | None:
    if ask.row.thinking != "always" or ask.chat.get("enable_thinking") is not False:
        return None
    return "The value of the enable_thinking parameter is restricted to True."


def thinking(ask: Ask) -> str | None:
    value = ask.chat.get("thinking")
    return None if value is None or (isinstance(value, dict) and "type" in value) else "'type' must be in thinking"


def thinking_budget(ask: Ask) -> str | None:
    value, most = ask.chat.get("thinking_budget"), ask.row.max_thinking
    if value is None or (_is_whole(value) and 0 < value <= (value if most is None else most)):
        return None
    if most == 0:
        return "The thinking_budget parameter is not supported by this model"
    return f"The thinking_budget parameter must be a positive integer and not greater than {most or 'the limit'}"


def reasoning_effort(ask: Ask) -> str | None:
    value = ask.chat.get("reasoning_effort")
    return None if value is None or value in EFFORTS else f"reasoning_effort should be one of {list(EFFORTS)}"


def search(ask: Ask) -> str | None:
    asked = ask.chat.get("enable_search") is True
    return "This model does not support enable_search." if asked and not ask.row.search else None


def json_word(ask: Ask) -> str | None:
    if ask.format != "json_object" or not ask.row.json_word or "json" in ask.text.lower():
        return None
    return "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."


def response_format(ask: Ask) -> str | None:
    known = ["text", *(kind for kind in ("json_object", "json_schema") if getattr(ask.row, kind))]
    return None if ask.format in known else f"Unknown response_format.type: {ask.format}. It should be one of {known}"


def json_while_thinking(ask: Ask) -> str | None:
    if ask.format == "text" or not ask.thinks or ask.row.json_while_thinking:
        return None
    return "Json mode response is not supported when enable_thinking is true"
