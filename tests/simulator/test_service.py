"""The service without a server: whatever it is asked, it answers or refuses."""

from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qwenproxy.simulator.compatible import Compatible
from qwenproxy.simulator.known import KNOWN
from qwenproxy.simulator.refusals import Refused
from qwenproxy.simulator.scenarios import SCENARIOS
from qwenproxy.simulator.service import PATIENCE, REMEMBERED, Service
from qwenproxy.simulator.steps import Send, Steps, Wait
from tests.support.simulated import MODEL, WEATHER

FIELDS = """
messages tools tool_choice parallel_tool_calls n stop temperature top_p top_k seed max_tokens thinking stream logprobs
max_completion_tokens stream_options response_format enable_thinking thinking_budget reasoning_effort top_logprobs
presence_penalty repetition_penalty enable_search
"""
KEYS = """
role content type text image_url url tool_calls id function name parameters properties required enum items
"""
VALUES = [
    "user",
    "assistant",
    "tool",
    "system",
    "function",
    "object",
    "string",
    "array",
    "json_schema",
    "text",
    "image_url",
]

plain = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 70_000), st.floats(), st.text(max_size=5), st.sampled_from(VALUES)
)
junk = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=5),
    max_leaves=12,
)
requests = st.dictionaries(st.sampled_from(FIELDS.split()), junk, max_size=6)
HELLO = [{"role": "user", "content": "The weather in Riga"}]


def ask(service: Service, body: Any) -> Steps:
    try:
        return service.chat(body, "1", Compatible())
    except Refused as refused:
        return [Send(refused.refusal.body("1"))]


@settings(deadline=None)
@given(requests)
@example({"messages": [{"role": "user", "content": ["x"]}]})
def test_any_request_is_answered_or_refused(fields: dict[str, Any]) -> None:
    assert ask(Service(0, 0), {"model": MODEL, **fields})


@settings(deadline=None)
@given(requests)
def test_any_addition_to_a_good_request_is_answered_or_refused(fields: dict[str, Any]) -> None:
    assert ask(Service(0, 0), {"model": "qwen3.7-plus", "tools": [WEATHER], **fields, "messages": HELLO})


@pytest.mark.parametrize("model", KNOWN)
def test_every_known_model_answers(model: str) -> None:
    assert ask(Service(0, 0), {"model": model, "messages": HELLO, "stream": True})[-1] == Send(b"data: [DONE]\n\n")


@pytest.mark.parametrize("argument", ["", "0", "x", "-1", "{}", "limit_requests"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_takes_any_argument(name: str, argument: str) -> None:
    messages = [{"role": "user", "content": f"[sim: {name} {argument}]"}]
    for stream in (True, False):
        assert ask(Service(0, 0), {"model": MODEL, "messages": messages, "stream": stream}) is not None


def test_a_whole_answer_takes_its_time() -> None:
    answer = ask(Service(0.001, 0), {"model": MODEL, "messages": HELLO})[0]
    assert isinstance(answer, Wait)
    assert 0.005 < answer.seconds < 0.2
    assert ask(Service(10, 0), {"model": MODEL, "messages": HELLO})[0] == Wait(PATIENCE)


def test_what_happened_once_is_forgotten_in_the_end() -> None:
    service = Service(0, 0)

    def status(number: int) -> bool:
        body = {"model": MODEL, "messages": [{"role": "user", "content": f"[sim: error internal_error once] {number}"}]}
        return b"internal_error" in b"".join(step.data for step in ask(service, body) if isinstance(step, Send))

    assert [status(1), status(1)] == [True, False]
    assert all(status(number) for number in range(2, REMEMBERED + 2))
    assert status(1)


def test_the_model_is_named_without_its_wishes() -> None:
    send = ask(Service(0, 0), {"model": f"{MODEL}#crlf", "messages": HELLO})[-1]
    assert isinstance(send, Send)
    assert orjson.loads(send.data)["model"] == MODEL
