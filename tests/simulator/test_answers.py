"""Answers as steps."""

from qwenproxy.simulator import answers, framing
from qwenproxy.simulator.refusals import REFUSALS, refusal_of
from qwenproxy.simulator.steps import Send, Start


def test_a_whole_answer_says_its_length() -> None:
    start, send = answers.whole("application/json", b"{}", "1")
    assert isinstance(start, Start)
    assert (start.status, start.headers["content-length"], start.headers["x-request-id"]) == (200, "2", "1")
    assert send == Send(b"{}")


def test_a_stream_does_not() -> None:
    start, *sends = answers.streamed(answers.EVENTS, [b"data: {}\n\n", b"data: [DONE]\n\n"], framing.no_space, "1")
    assert isinstance(start, Start)
    assert start.headers["content-type"] == "text/event-stream;charset=UTF-8"
    assert "content-length" not in start.headers
    assert sends == [Send(b"data:{}\n\n"), Send(b"data:[DONE]\n\n")]


def test_a_refusal_says_when_to_come_back_if_it_knows() -> None:
    start, _ = answers.refused(refusal_of("limit_requests 7"), "1")
    assert isinstance(start, Start)
    assert (start.status, start.headers["retry-after"]) == (429, "7")
    start, _ = answers.refused(REFUSALS["limit_requests"], "1")
    assert isinstance(start, Start)
    assert "retry-after" not in start.headers
