"""Oddities of what is said, whatever the upstream's words for it: a reply in, the odd reply out (B.7, 7 to 14)."""

from dataclasses import replace
from typing import Any

import orjson

from qwenproxy.simulator.reply import Call, Choice, Reply


def _each(reply: Reply, **changes: Any) -> Reply:
    return replace(reply, choices=tuple(replace(choice, **changes) for choice in reply.choices))


def _calls(reply: Reply, arguments: list[str]) -> Reply:
    """*reply* with other arguments: one for each call, in order."""
    texts = iter(arguments)
    choices = [
        replace(choice, calls=tuple(call._replace(arguments=next(texts)) for call in choice.calls))
        for choice in reply.choices
    ]
    return replace(reply, choices=tuple(choices))


def _texts(reply: Reply) -> list[str]:
    return [call.arguments for choice in reply.choices for call in choice.calls]


def _fields(arguments: str) -> dict[str, Any]:
    try:
        fields = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def single_quotes(reply: Reply, argument: str) -> Reply:
    return _calls(reply, [str(_fields(text)) for text in _texts(reply)])


def xml_arguments(reply: Reply, argument: str) -> Reply:
    return _calls(reply, [_parameters(_fields(text)) for text in _texts(reply)])


def trailing_junk(reply: Reply, argument: str) -> Reply:
    return _calls(reply, [text + "}</tool_call>" for text in _texts(reply)])


def no_arguments(reply: Reply, argument: str) -> Reply:
    return _calls(reply, ["" for _ in _texts(reply)])


def unclosed_arguments(reply: Reply, argument: str) -> Reply:
    return _calls(reply, [text[:-2] for text in _texts(reply)])


def cut_arguments(reply: Reply, argument: str) -> Reply:
    called = any(choice.calls for choice in reply.choices)
    return _each(unclosed_arguments(reply, argument), finish="length") if called else reply


def glued_calls(reply: Reply, argument: str) -> Reply:
    """All calls of a choice as one, their arguments end to end; a single call twice."""
    choices = [replace(choice, calls=_glued(choice.calls)) for choice in reply.choices]
    return replace(reply, choices=tuple(choices))


def _glued(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    if not calls:
        return ()
    texts = [call.arguments for call in (calls if len(calls) > 1 else calls * 2)]
    return (calls[0]._replace(arguments="".join(texts)),)


def finish_stop(reply: Reply, argument: str) -> Reply:
    return _each(reply, finish="stop")


def content_filter(reply: Reply, argument: str) -> Reply:
    return _each(reply, finish="content_filter")


def finish(reply: Reply, argument: str) -> Reply:
    return _each(reply, finish=argument or "unknown")


def prompt_blocked(reply: Reply, argument: str) -> Reply:
    return replace(reply, blocked=argument or "SAFETY")


def error_finish(reply: Reply, argument: str) -> Reply:
    return _each(reply, text=argument or "Inference failed: internal error.", calls=(), finish="error_finish")


def think_leaked(reply: Reply, argument: str) -> Reply:
    return _rewrite(reply, "<think>\n{thinking}\n</think>\n\n{text}")


def think_closing(reply: Reply, argument: str) -> Reply:
    return _rewrite(reply, "{thinking}\n</think>\n\n{text}")


def _rewrite(reply: Reply, form: str) -> Reply:
    """The thinking within the text, and nowhere else."""
    choices = [
        replace(c, thinking="", text=form.format(thinking=c.thinking or "I should be brief.", text=c.text))
        for c in reply.choices
    ]
    return replace(reply, choices=tuple(choices), thinks=False)


def call_leaked(reply: Reply, argument: str) -> Reply:
    return _as_text(reply, '<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>')


def call_leaked_xml(reply: Reply, argument: str) -> Reply:
    return _as_text(reply, "<function={name}>\n{parameters}\n</function>")


def _as_text(reply: Reply, form: str) -> Reply:
    return replace(reply, choices=tuple(_spelt(choice, form) for choice in reply.choices))


def _spelt(choice: Choice, form: str) -> Choice:
    if not choice.calls:
        return choice
    texts = [
        form.format(name=name, arguments=arguments, parameters=_parameters(_fields(arguments)))
        for _, name, arguments in choice.calls
    ]
    return replace(choice, text="\n".join(texts), calls=(), finish="stop")


def _parameters(fields: dict[str, Any]) -> str:
    values = {k: v if isinstance(v, str) else orjson.dumps(v).decode() for k, v in fields.items()}
    return "\n".join(f"<parameter={name}>\n{value}\n</parameter>" for name, value in values.items())


def words(reply: Reply, argument: str) -> Reply:
    """A text of as many words as *argument* says."""
    return _each(reply, text=" ".join(f"word{at}" for at in range(1, 1 + (number(argument) or 1000))), calls=())


def flood(reply: Reply, argument: str) -> Reply:
    """A text of as many events: two tokens each."""
    return _each(reply, text=" a b" * (number(argument) or 10_000), calls=())


def number(argument: str) -> int:
    """The whole number in *argument*, 0 if there is none."""
    return int(argument) if argument.isdigit() else 0
