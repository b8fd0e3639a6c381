"""What the simulated service answers to a chat request: the model, the rules, the face and the scenarios together.

Knows no HTTP server: JSON in, steps out.
"""

import time
from random import Random
from typing import Any
from uuid import UUID

import orjson

from qwenproxy.models import row_of
from qwenproxy.simulator import answers
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.checks import refusal_for
from qwenproxy.simulator.face import Face
from qwenproxy.simulator.known import is_known
from qwenproxy.simulator.markers import Marker, markers_in, markers_of
from qwenproxy.simulator.model import reply_to
from qwenproxy.simulator.refusals import Refused, invalid, unknown_model
from qwenproxy.simulator.scenarios import SCENARIOS, Script, is_on
from qwenproxy.simulator.steps import Steps, Wait
from qwenproxy.wire.openai import Head

REMEMBERED = 1000
"""Wishes for one time only that are remembered as fulfilled."""

PATIENCE = 2.0
"""Seconds, at most, that a whole answer takes."""


class Service:
    """One simulated service.  *pace* is in seconds for each event, *seed* is what its ids grow from."""

    def __init__(self, pace: float, seed: int) -> None:
        self._pace = pace
        self._random = Random(seed)
        self._happened: dict[tuple[Marker, str], None] = {}

    def new_id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _call_id(self) -> str:
        return f"{self._random.getrandbits(96):024x}"

    def chat(self, body: Any, request_id: str, face: Face, *, portal: bool = False) -> Steps:
        """What answers the chat request *body* to *face*; *portal*: at the login's own host.  Raises Refused."""
        if not isinstance(body, dict):
            raise Refused(invalid("The request body is not a JSON object."))
        chat = face.chat(body)
        name, markers = markers_of(str(chat.get("model")))
        if not is_known(name):
            raise Refused(unknown_model(name))
        ask = Ask({**chat, "model": name}, row_of(name), portal)
        try:
            return self._scripted(ask, request_id, face, markers + markers_in(ask.said))
        except ValueError as error:
            raise Refused(invalid(f"The simulator cannot do that: {error}.")) from error

    def _scripted(self, ask: Ask, request_id: str, face: Face, markers: list[Marker]) -> Steps:
        """The answer as the scenarios want it.  Raises Refused and ValueError."""
        wanted = _script(markers, face)
        ask = Ask(ask.chat, wanted.row(ask.row), ask.portal)
        if (refusal := face.refusal(ask) or refusal_for(ask)) is not None:
            raise Refused(refusal)
        script = _script([marker for marker in markers if self._happens(marker, ask.said)], face)
        if (refusal := script.refusal()) is not None:
            raise Refused(refusal)
        return script.steps(self._told(ask, script, request_id, face))

    def _told(self, ask: Ask, script: Script, request_id: str, face: Face) -> Steps:
        """What the model says, in the face's words."""
        reply = script.reply(reply_to(ask, script.wishes, self._call_id))
        head = Head(request_id, ask.model, int(time.time()))
        chunks = face.chunks(reply, ask, head)
        if script.streams(ask.stream):
            return answers.streamed(face.stream_type, face.events(script.chunks(chunks)), script.frame, request_id)
        body = orjson.dumps(face.whole(reply, ask, head))
        return [Wait(min(PATIENCE, self._pace * len(chunks))), *answers.whole(answers.JSON, body, request_id)]

    def _happens(self, marker: Marker, said: str) -> bool:
        """Whether a wish is fulfilled now: one for one time only is not when the same is said again."""
        if not marker.once and not SCENARIOS[marker.name].once:
            return True
        if (marker, said) in self._happened:
            return False
        self._happened[marker, said] = None
        if len(self._happened) > REMEMBERED:
            del self._happened[next(iter(self._happened))]
        return True


def _script(markers: list[Marker], face: Face) -> Script:
    """The scenarios of *markers*.  Raises ValueError for one that is not there, and for one that is not for *face*."""
    for marker in markers:
        if marker.name not in SCENARIOS:
            raise ValueError(f"no scenario is called {marker.name!r}; there are: {', '.join(SCENARIOS)}")
        if not is_on(marker.name, face):
            raise ValueError(f"the scenario {marker.name!r} means nothing on the {face.name} face")
    return Script([(marker.name, marker.argument) for marker in markers], face)
