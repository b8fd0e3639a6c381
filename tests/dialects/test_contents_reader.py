"""The contents format read: what the golden streams do not show."""

from typing import Any

import pytest

from qwenproxy.dialects.contents_reader import FINISHES
from qwenproxy.dialects.failures import failure
from qwenproxy.dialects.normaliser import MAX_CHOICES
from qwenproxy.dialects.signatures import Signatures
from qwenproxy.errors import CONTENT_FILTER, RATE_LIMIT, UPSTREAM_CUT, UPSTREAM_GARBLED
from qwenproxy.wire.openai import Delta, Json
from tests.dialects.contents_reading import play, reader, response, stream
from tests.support.answers import Answer

HI: Json = {"text": "Hi"}


def heard(*responses: Json, **options: Any) -> Answer:
    return Answer(play([stream(*responses)], **options))


REASONS: list[tuple[Any, str]] = [
    ("STOP", "stop"),
    ("stop", "stop"),
    ("MAX_TOKENS", "length"),
    ("length", "length"),
    ("CONTINUATION", "length"),
    *((reason, "content_filter") for reason in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")),
    *((reason, "content_filter") for reason in ("LANGUAGE", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "MODEL_ARMOR")),
    *((reason, "stop") for reason in ("OTHER", "FINISH_REASON_UNSPECIFIED", "MALFORMED_FUNCTION_CALL", "NO_IMAGE")),
    *((reason, "stop") for reason in ("UNEXPECTED_TOOL_CALL", "SOMETHING_NEW", 7)),
]


@pytest.mark.parametrize(("reason", "finish"), REASONS, ids=[str(row[0]) for row in REASONS])
def test_a_reason_to_finish_is_one_of_openais(reason: Any, finish: str) -> None:
    assert heard(response(HI, finish=reason)).finish == finish


@pytest.mark.parametrize("reason", ["OTHER", "MALFORMED_FUNCTION_CALL", "FINISH_REASON_UNSPECIFIED"])
def test_a_reason_that_openai_has_not_is_noted(reason: str) -> None:
    reading = reader()
    reading.feed(stream(response(HI, finish=reason)))
    reading.feed(b"")
    assert any(reason in repair for repair in reading.repairs)


def test_a_known_reason_is_nothing_to_note() -> None:
    for reason in FINISHES:
        reading = reader()
        reading.feed(stream(response(HI, finish=reason)))
        reading.feed(b"")
        assert reading.repairs == []


def test_a_stop_behind_calls_is_nothing_to_note() -> None:
    reading = reader()
    call = {"functionCall": {"name": "now", "args": {}}}
    events = [*reading.feed(stream(response(call, finish="STOP"))), *reading.feed(b"")]
    assert (Answer(events).finish, reading.repairs) == ("tool_calls", [])


def test_what_the_server_says_of_the_finish_is_noted() -> None:
    reading = reader()
    candidate = {"finishReason": "SAFETY", "finishMessage": "No."}
    reading.feed(stream({"candidates": [candidate]}))
    assert reading.repairs == ["choice 0: SAFETY: No."]


@pytest.mark.parametrize("finish", [None, "", False])
def test_without_a_finish_an_answer_was_cut(finish: Any) -> None:
    answer = heard(response(HI, finish=finish))
    assert answer.error is not None
    assert answer.error.failure is UPSTREAM_CUT


def test_candidates_without_number_do_not_fill_memory() -> None:
    reading = reader()
    for index in range(1000):
        candidate = {"index": index, "finishReason": "FINISH_REASON_UNSPECIFIED"}
        reading.feed(stream({"candidates": [candidate]}))
    assert reading.finished
    assert len(reading._vague) <= MAX_CHOICES + 1


def test_a_finish_that_is_unspecified_all_the_way_is_none() -> None:
    vague = response(HI, finish="FINISH_REASON_UNSPECIFIED")
    assert heard(vague, vague, response(finish="MAX_TOKENS")).finish == "length"
    cut = heard(vague, vague).error
    assert cut is not None
    assert cut.failure is UPSTREAM_CUT


def test_a_signature_is_kept_under_the_id_that_the_app_hears() -> None:
    signatures = Signatures()
    parts: list[Json] = [
        {"functionCall": {"name": "now"}, "thoughtSignature": "bm93"},
        {"functionCall": {"id": "c1", "name": "lookup"}, "thought_signature": "bG9vaw=="},
        {"functionCall": {"id": "c1", "name": "lookup", "args": {"q": "x"}}, "thoughtSignature": "b3RoZXI="},
        {"functionCall": {"id": "c2", "name": "lookup"}},
    ]
    answer = heard(response(*parts, finish="STOP"), signatures=signatures)
    ids = [id for id, _, _ in answer.calls]
    assert ids[1] == "c1"
    assert [signatures.of(id) for id in ids] == ["bm93", "bG9vaw==", "b3RoZXI=", None]


@pytest.mark.parametrize("id", ["", None, 7, {"a": 1}])
def test_an_id_that_is_none_is_made(id: Any) -> None:
    call = {"functionCall": {"id": id, "name": "now", "args": {}}}
    assert heard(response(call, finish="STOP")).calls == [("call_new0", "now", "{}")]


@pytest.mark.parametrize(("args", "arguments"), [("{'a': 1}", '{"a": 1}'), ("", "{}"), (None, "{}"), ([1], "[1]")])
def test_arguments_that_are_no_object_are_mended_if_they_can_be(args: Any, arguments: str) -> None:
    call = {"functionCall": {"name": "now", "args": args}}
    assert heard(response(call, finish="STOP")).calls == [("call_new0", "now", arguments)]


def test_a_call_of_nothing_is_left_out() -> None:
    answer = heard(response({"functionCall": {"args": {"a": 1}}}, HI, finish="STOP"))
    assert answer.calls == []
    assert answer.finish == "stop"


def test_an_answer_that_never_stops_calling_has_an_end() -> None:
    parts: list[Json] = [{"functionCall": {"id": f"c{n}", "name": "now", "args": {"n": n}}} for n in range(5_000)]
    answer = heard(response(*parts, finish="STOP"))
    assert answer.error is not None
    assert answer.error.failure is UPSTREAM_GARBLED


def test_code_that_holds_a_fence_stays_code() -> None:
    part = {"executableCode": {"language": "LANGUAGE_UNSPECIFIED", "code": "```\nx"}}
    assert heard(response(part, finish="STOP")).content == "\n````\n```\nx\n````\n"


@pytest.mark.parametrize("part", [{}, {"text": 5}, {"inlineData": {}}, {"inlineData": 5}, {"executableCode": {}}])
def test_a_part_that_says_nothing_is_passed_over(part: Json) -> None:
    assert heard(response(part, HI, finish="STOP")).content == "Hi"


@pytest.mark.parametrize(
    "parts", [[], [{"text": ""}], [{"text": "", "thought": True}]], ids=["none", "text", "thought"]
)
def test_a_stream_that_has_begun_is_told_of_at_once(parts: list[Json]) -> None:
    """The app learns its role before the first word."""
    reading = reader()
    events = reading.feed(stream(response(*parts)))
    assert events == [Delta(0, {"role": "assistant"})]
    assert not reading.started
    reading.feed(stream(response(HI)))
    assert reading.started


def test_an_answer_is_complete_when_every_candidate_has_its_finish() -> None:
    reading = reader()
    assert not reading.answered
    reading.feed(stream(response(HI)))
    assert not reading.answered
    reading.feed(stream(response(HI, finish="STOP")))
    assert reading.answered
    assert not reading.finished, "totals may follow"
    reading.feed(b"")
    assert reading.finished
    assert reading.feed(stream(response(HI))) == []


BLOCKS: list[Json] = [
    {"promptFeedback": {"blockReason": "SAFETY"}},
    {"candidates": [], "prompt_feedback": {"block_reason": "SAFETY", "block_reason_message": "Not that."}},
]


@pytest.mark.parametrize("block", BLOCKS, ids=["camelCase", "snake_case"])
def test_a_blocked_prompt_is_the_apps_fault(block: Json) -> None:
    error = heard(block).error
    assert error is not None
    assert error.failure is CONTENT_FILTER
    assert error.param == "messages"
    assert "SAFETY" in error.message


@pytest.mark.parametrize("feedback", [{}, {"safetyRatings": []}, "SAFETY", {"blockReason": None}])
def test_feedback_without_a_block_is_none(feedback: Any) -> None:
    answer = heard({"promptFeedback": feedback}, response(HI, finish="STOP"))
    assert answer.content == "Hi"


def test_feedback_beside_an_answer_does_not_block_it() -> None:
    answer = heard(response(HI, finish="STOP", promptFeedback={"blockReason": "SAFETY"}))
    assert answer.content == "Hi"


ERRORS: list[tuple[str, Json]] = [
    ("with words and number", {"error": {"code": 429, "message": "Slow.", "status": "RESOURCE_EXHAUSTED"}}),
    ("with its word only", {"error": {"message": "Slow.", "status": "RESOURCE_EXHAUSTED"}}),
    ("with its number only", {"error": {"message": "Slow.", "code": 429}}),
    ("as gateways say it", {"error": {"message": "Slow.", "type": "x", "param": None, "code": "429"}}),
    ("beside candidates", {"candidates": [{}], "error": {"code": 429, "message": "Slow."}}),
    ("in DashScope's words", {"code": "Throttling.RateQuota", "message": "Slow.", "request_id": "rq"}),
]


@pytest.mark.parametrize("said", [row[1] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_an_error_in_a_stream_is_known_by_what_it_says(said: Json) -> None:
    answer = heard(response(HI), said, failure=failure)
    assert answer.error is not None
    assert answer.error.failure is RATE_LIMIT


def test_tool_calls_written_as_text_are_rescued_where_that_is_asked_for() -> None:
    leaked = response({"text": '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'}, finish="STOP")
    assert heard(leaked, rescue_calls=True).calls == [("call_new0", "now", "{}")]
    assert heard(leaked).calls == []


ZEROS: Json = {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0}
TOTALS: Json = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


@pytest.mark.parametrize(
    ("first", "last", "total"),
    [(ZEROS, ZEROS, None), (TOTALS, ZEROS, 5), (ZEROS, TOTALS, 5)],
    ids=["zeros", "zeros at the end", "zeros until the end"],
)
def test_a_usage_of_zeros_is_none(first: Json, last: Json, total: int | None) -> None:
    said = [response({"text": "a"}, usageMetadata=first), response(finish="STOP", usageMetadata=last)]
    usage = Answer(play([stream(*said)])).usage
    assert (usage and usage["total_tokens"]) == total
