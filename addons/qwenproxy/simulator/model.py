"""The scripted model: what is said to a request.  Always the same to the same request, and useful to look at."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import orjson

from qwenproxy.simulator import tokens
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.calling import calls_of
from qwenproxy.simulator.costs import prompt_of
from qwenproxy.simulator.facts import facts_of
from qwenproxy.simulator.forms import Form
from qwenproxy.simulator.pictures import Picture, picture_of
from qwenproxy.simulator.reply import Call, Choice, Reply
from qwenproxy.wire.openai import Json

QUOTE = 200
"""Characters of the prompt, or of a tool's result, that an answer repeats."""


def reply_to(ask: Ask, wishes: Mapping[str, str], mint: Callable[[], str]) -> Reply:
    """What the model says.  *wishes* are the scenarios that only it can fulfil; *mint* makes ids for calls."""
    count = ask.chat.get("n")
    numbers = range(1, count + 1) if isinstance(count, int) and count > 1 else (0,)
    choices = tuple(_limited(ask, _choice(ask, wishes, mint, number)) for number in numbers)
    return Reply(choices, prompt_of(ask), ask.thinks, _logprobs(ask))


def _choice(ask: Ask, wishes: Mapping[str, str], mint: Callable[[], str], number: int) -> Choice:
    calls = tuple(Call(f"call_{mint()}", name, arguments) for name, arguments in calls_of(ask, wishes))
    thinking = _thinking(ask, calls) if ask.thinks else ""
    if calls:
        return Choice(thinking, "", calls, "tool_calls")
    text = _text(ask)
    return Choice(thinking, f"({number}) {text}" if number and ask.format == "text" else text)


def _thinking(ask: Ask, calls: tuple[Call, ...]) -> str:
    plan = " and ".join(f"call {call.name} with {call.arguments}" for call in calls)
    if not plan:
        plan = "answer from what the tools gave back" if ask.results else "answer briefly and in a friendly way"
    thought = f"The user says: {_quote(ask.prompt)}. So I should {plan}."
    budget = ask.chat.get("thinking_budget")
    return tokens.keep(thought, budget) if isinstance(budget, int) else thought


def _text(ask: Ask) -> str:
    return FORMATS.get(ask.format, _words)(ask)


def _words(ask: Ask) -> str:
    if ask.results:
        results = " ".join(f"{result.name} says: {_quote(result.text)}." for result in ask.findings)
        return f"Here is what I found. {results} That is all – {ask.model}, simulated."
    seen = _seen([picture_of(url) for url in ask.images])
    return (
        f"Hello! This is {ask.model}, simulated – no account, no network. You wrote: {_quote(ask.prompt)}.{seen} "
        "I am only a script, so I cannot say more, but your request arrived as it should. 👋"
    )


def _seen(pictures: list[Picture]) -> str:
    if not pictures:
        return ""
    count = f"{len(pictures)} image{'s' if len(pictures) > 1 else ''}"
    return f" I see {count}: {'; '.join(str(picture) for picture in pictures)}."


def _quote(text: str) -> str:
    return f"“{text if len(text) <= QUOTE else text[:QUOTE] + '…'}”"


def _object(ask: Ask) -> str:
    return orjson.dumps({"model": ask.model, "you_wrote": ask.prompt, "simulated": True}).decode()


def _schema(ask: Ask) -> str:
    return orjson.dumps(Form(_schema_of(ask.chat), facts_of(ask.prompt)).fill()).decode()


def _schema_of(chat: Json) -> Json:
    wanted = chat["response_format"].get("json_schema")
    schema = wanted.get("schema") if isinstance(wanted, dict) else None
    return schema if isinstance(schema, dict) else {"type": "object"}


FORMATS: Mapping[str, Callable[[Ask], str]] = {"json_object": _object, "json_schema": _schema}


def _limited(ask: Ask, choice: Choice) -> Choice:
    """*choice* within the request's `stop`, `max_tokens` and `max_completion_tokens`."""
    return _within(_stopped(choice, ask.chat.get("stop")), _room(ask, choice))


def _stopped(choice: Choice, stop: object) -> Choice:
    words = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    ends = [choice.text.find(word) for word in words if isinstance(word, str) and word]
    ends = [end for end in ends if end >= 0]
    return replace(choice, text=choice.text[: min(ends)]) if ends else choice


def _room(ask: Ask, choice: Choice) -> int | None:
    """Tokens for the answer: `max_tokens` counts it alone, `max_completion_tokens` the thinking too."""
    whole = ask.chat.get("max_completion_tokens") if ask.row.max_completion_tokens else None
    limits = [ask.chat.get("max_tokens"), whole - choice.thinking_tokens if isinstance(whole, int) else None]
    return min((limit for limit in limits if isinstance(limit, int)), default=None)


def _within(choice: Choice, room: int | None) -> Choice:
    if room is None or choice.answer_tokens <= room:
        return choice
    if not choice.calls:
        return replace(choice, text=tokens.keep(choice.text, room), finish="length")
    return replace(choice, calls=_short(choice.calls, room), finish="length")


def _short(calls: tuple[Call, ...], room: int) -> tuple[Call, ...]:
    """The calls that fit, the last one broken off."""
    kept: list[Call] = []
    for call in calls:
        room -= tokens.count(call.name)
        kept.append(call._replace(arguments=tokens.keep(call.arguments, room)))
        room -= tokens.count(call.arguments)
        if room <= 0:
            break
    return tuple(kept)


def _logprobs(ask: Ask) -> int | None:
    if not ask.row.logprobs or ask.chat.get("logprobs") is not True:
        return None
    wanted = ask.chat.get("top_logprobs")
    return wanted if isinstance(wanted, int) else 0
