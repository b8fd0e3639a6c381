"""The oddities that a request can ask for, as rows: name, what happens, and where on the way it is done.

`SCENARIOS` is the list for people too: each row says in one line what it does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Any, Literal

from qwenproxy.models import Row
from qwenproxy.simulator import framing, said, steps
from qwenproxy.simulator.face import Chunks, Face
from qwenproxy.simulator.framing import Frame
from qwenproxy.simulator.refusals import Refusal, refusal_of
from qwenproxy.simulator.reply import Reply
from qwenproxy.simulator.steps import Steps

type Form = Literal["", "stream", "whole"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One oddity: what it does, and the one or two places where it does it (None: not there).

    Each callable gets what it changes and the marker's argument.  `distorts` and `frame` are for streams only.
    """

    does: str
    argument: str = ""
    _: KW_ONLY
    wish: bool = False
    """The model itself sees to it."""
    rule: Callable[[Row, str], Row] | None = None
    refusal: Callable[[str], Refusal] | None = None
    reply: Callable[[Reply, str], Reply] | None = None
    form: Form = ""
    distorts: bool = False
    """Each face sees to it with its own chunks."""
    frame: Frame | None = None
    steps: Callable[[Steps, str], Steps] | None = None
    once: bool = False
    """Happens the first time only, without being told so."""


VALUES = str | int | float | None
"""The kinds of values in a row that a marker can say."""


def rule(row: Row, argument: str) -> Row:
    """*row* with another value: "max_output 1024", "flat_text true".  Raises ValueError for what is not in it."""
    name, _, text = argument.replace("=", " ").partition(" ")
    known = [field.name for field in fields(Row) if isinstance(getattr(row, field.name), VALUES)]
    if name not in known:
        raise ValueError(f"a model's row has no field {name!r}; it has: {', '.join(known)}")
    change: dict[str, Any] = {name: _value(getattr(row, name), text.strip())}
    return replace(row, **change)


def _value(now: object, text: str) -> object:
    if isinstance(now, bool):
        return text.lower() in ("true", "yes", "on", "1")
    if isinstance(now, float):
        return float(text)
    return text if isinstance(now, str) else int(text)


SCENARIOS: Mapping[str, Scenario] = {
    # what the model does
    "call": Scenario("calls a tool whatever the prompt says, the named one if one is named", "TOOL", wish=True),
    "talk": Scenario("answers in words though tools are offered", wish=True),
    "parallel": Scenario("makes several calls at once (5) though that is refused", "N", wish=True),
    "rounds": Scenario("calls a tool in so many rounds (3), one after the other", "N", wish=True),
    "words": Scenario("a text of so many words (1000)", "N", reply=said.words),
    "flood": Scenario("so many events (10000), all at once", "N", reply=said.flood, steps=steps.at_once),
    "row": Scenario("the service holds another value for the model than the proxy does", "FIELD=VALUE", rule=rule),
    # tool calls in streams
    "empty-ids": Scenario("later pieces of a call have an empty id and an empty name", distorts=True),
    "repeated-names": Scenario("every piece of a call repeats its id and name", distorts=True),
    "clean-calls": Scenario("calls come as OpenAI itself sends them", distorts=True),
    "no-index": Scenario("calls have no index", distorts=True),
    "zero-index": Scenario("every call has index 0; each piece has its id", distorts=True),
    "reused-index": Scenario("a second call, with its own id, reuses the first one's index", distorts=True),
    "no-ids": Scenario("calls have no ids at all", distorts=True),
    "split-name": Scenario("a call's name comes in two pieces", distorts=True),
    "late-name": Scenario("a call's name comes after its arguments", distorts=True),
    "cumulative-arguments": Scenario("each piece repeats the arguments so far", distorts=True),
    "cumulative-calls": Scenario("each piece repeats every call so far: ids, names and arguments", distorts=True),
    # tool calls, streamed or whole
    "no-arguments": Scenario("a call's arguments are never sent", reply=said.no_arguments),
    "single-quotes": Scenario("arguments are in single quotes", reply=said.single_quotes),
    "xml-arguments": Scenario("arguments are <parameter=...> tags", reply=said.xml_arguments),
    "trailing-junk": Scenario("there is junk after the arguments", reply=said.trailing_junk),
    "unclosed-arguments": Scenario("arguments lack their end", reply=said.unclosed_arguments),
    "cut-arguments": Scenario("arguments are cut off by the token limit: finish `length`", reply=said.cut_arguments),
    "glued-calls": Scenario("two calls' arguments are glued together in one", reply=said.glued_calls),
    "finish-stop": Scenario("the finish is `stop` though tools are called", reply=said.finish_stop),
    "call-leaked": Scenario("a call comes as text: <tool_call>{json}</tool_call>", reply=said.call_leaked),
    "call-leaked-xml": Scenario("a call comes as text: <function=...><parameter=...>", reply=said.call_leaked_xml),
    # text and finish
    "think-leaked": Scenario("thinking comes within the text, in <think> tags", reply=said.think_leaked),
    "think-closing": Scenario("the same with the closing tag only", reply=said.think_closing),
    "content-filter": Scenario("the finish is `content_filter`", reply=said.content_filter),
    "finish": Scenario("the finish is another one, by the face's own word for it", "REASON", reply=said.finish),
    "prompt-blocked": Scenario("no answer, but why the prompt is refused", "REASON", reply=said.prompt_blocked),
    "error-finish": Scenario("the finish is `error_finish`, the text says why", "TEXT", reply=said.error_finish),
    "cumulative-content": Scenario("each chunk repeats the text so far", distorts=True),
    "cumulative-output": Scenario("each chunk repeats all so far, though increments were asked for", distorts=True),
    "no-choice-index": Scenario("choices have no index", distorts=True),
    "no-finish": Scenario("there is no finish, though the stream ends in good order", distorts=True),
    "two-finishes": Scenario("the finish comes twice", distorts=True),
    "usage-first": Scenario("usage comes before the finish", distorts=True),
    "finish-with-usage": Scenario("the finish is repeated with the usage", distorts=True),
    "usage-last": Scenario("usage comes with the finish only", distorts=True),
    "no-usage": Scenario("usage never comes", distorts=True),
    "usage-total": Scenario("usage is a total only", distorts=True),
    "null-finish": Scenario('unfinished chunks have the string "null" as their finish', distorts=True),
    "nulls": Scenario("deltas have further keys, all null", distorts=True),
    "snake-case": Scenario("names are in snake_case", distorts=True),
    "together": Scenario("all parts come in one chunk", distorts=True),
    "no-signatures": Scenario("calls are not signed", distorts=True),
    "signatures": Scenario("the calls of the current turn must come back signed", wish=True),
    "empty": Scenario("a stream that says nothing: tiny usage, no finish", distorts=True),
    "stream-error": Scenario("an error within the stream, halfway", "ERROR", distorts=True),
    "first-error": Scenario("an error as the stream's first event", "ERROR", distorts=True),
    "raw-error": Scenario("the same, its JSON on lines of its own", "ERROR", distorts=True, frame=framing.raw_error),
    # framing
    "comments": Scenario("comment lines between the events", frame=framing.comments),
    "event-lines": Scenario("`id:`, `event:` and `retry:` lines", frame=framing.event_lines),
    "crlf": Scenario("lines end in CRLF", frame=framing.crlf),
    "cr": Scenario("lines end in CR", frame=framing.carriage_returns),
    "no-space": Scenario("no space after `data:`", frame=framing.no_space),
    "data-only": Scenario("events without their `id:`, `event:` and comment lines", frame=framing.data_only),
    "data-lines": Scenario("an event's JSON is spread over several `data:` lines", frame=framing.data_lines),
    "split-bytes": Scenario("the body is cut within every UTF-8 character", steps=steps.split_bytes),
    "one-byte": Scenario("the body comes byte by byte", steps=steps.one_byte),
    "no-done": Scenario("[DONE] is missing", steps=steps.no_done),
    "json": Scenario("JSON though a stream was asked for", form="whole"),
    "sse": Scenario("a stream though JSON was asked for", form="stream"),
    # time and connection
    "slow": Scenario("seconds (3) before the first byte", "SECONDS", steps=steps.slow),
    "think": Scenario("seconds (5) of thinking without any event", "SECONDS", steps=steps.think),
    "silence": Scenario("seconds (20) of silence halfway", "SECONDS", steps=steps.silence),
    "stall": Scenario("half an answer, then nothing for ever", steps=steps.stall),
    "hang": Scenario("no answer for ever", steps=steps.hang),
    "cut": Scenario("the connection ends within an event", steps=steps.cut),
    "reset": Scenario("the connection is reset halfway", steps=steps.reset),
    "closed": Scenario("the stream ends in good order, too early: no finish, no [DONE]", steps=steps.closed),
    "nothing": Scenario("200 and not one byte", steps=steps.nothing),
    "disconnect": Scenario("the connection ends before any answer, the first time", steps=steps.disconnect, once=True),
    # refusals
    "error": Scenario(
        "a refusal: see the table of errors; a number is its Retry-After", "ERROR [SECONDS]", refusal=refusal_of
    ),
    "sse-error": Scenario(
        "the same, framed as an event stream",
        "ERROR",
        refusal=lambda argument: replace(refusal_of(argument or "invalid_parameter_error"), shape="events"),
    ),
    "html": Scenario("200 and a page of HTML", refusal=lambda argument: refusal_of("waf_200")),
}


def is_on(name: str, face: Face | type[Face]) -> bool:
    """Whether a scenario means something on *face*."""
    return name in face.distortions if SCENARIOS[name].distorts else name not in face.without


class Script:
    """The scenarios of one request to *face*, with their arguments, in the order they were asked for."""

    def __init__(self, acts: Sequence[tuple[str, str]], face: Face) -> None:
        self._acts = [(SCENARIOS[name], argument) for name, argument in acts]
        self._distortions = [(face.distortions[name], argument) for name, argument in acts if SCENARIOS[name].distorts]
        self.wishes = {name: argument for name, argument in acts if SCENARIOS[name].wish}
        """What the model itself has to see to."""

    @property
    def frame(self) -> Frame:
        return next((scenario.frame for scenario, _ in self._acts if scenario.frame is not None), framing.plain)

    def streams(self, asked: bool) -> bool:
        """Whether the answer is a stream, which may not be what was asked for."""
        return {"stream": True, "whole": False}.get(next((act.form for act, _ in self._acts if act.form), ""), asked)

    def row(self, row: Row) -> Row:
        """The row by which the service judges the request.  Raises ValueError."""
        return _fold(((scenario.rule, argument) for scenario, argument in self._acts), row)

    def refusal(self) -> Refusal | None:
        """The refusal that is asked for, if one is.  Raises ValueError."""
        return next((act.refusal(argument) for act, argument in self._acts if act.refusal is not None), None)

    def reply(self, reply: Reply) -> Reply:
        return _fold(((scenario.reply, argument) for scenario, argument in self._acts), reply)

    def chunks(self, chunks: Chunks) -> Chunks:
        """Raises ValueError."""
        return _fold(self._distortions, chunks)

    def steps(self, steps: Steps) -> Steps:
        return _fold(((scenario.steps, argument) for scenario, argument in self._acts), steps)


def _fold[T](changes: Iterable[tuple[Callable[[T, str], T] | None, str]], value: T) -> T:
    for change, argument in changes:
        if change is not None:
            value = change(value, argument)
    return value
