"""The table of rulings: that it is complete, and what it does with fields that need no stage of their own."""

import copy
from dataclasses import replace
from typing import Any, get_args

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from qwenproxy.dialects.rulings import OPENAI, QWEN, TABLE, Kind, Ruling, rule
from qwenproxy.errors import UNKNOWN_PARAMETER, UNSUPPORTED_PARAMETER, Failure, ProxyError
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json
from tests.dialects.asking import ABLE, PLAIN, ask, function, ruled, settled

SPEAKING = Row(thinking="never", audio_output=True, streams_only=True)
LOCAL = Row(thinking="never", search=False, extras=True)


def test_the_table_rules_on_every_field_of_the_openai_package_and_on_no_other() -> None:
    assert set(OPENAI) == set(CompletionCreateParamsNonStreaming.__annotations__)
    assert len(OPENAI) == 37


def test_openais_and_qwens_fields_are_told_apart() -> None:
    assert not set(OPENAI) & set(QWEN)


@pytest.mark.parametrize(("name", "ruling"), TABLE.items(), ids=list(TABLE))
def test_every_ruling_has_a_kind_and_a_reason_of_one_line(name: str, ruling: Ruling) -> None:
    assert ruling.kind in get_args(Kind.__value__)
    assert ruling.reason
    assert "\n" not in ruling.reason
    assert len(ruling.reason) < 100


KEPT: list[tuple[str, Any]] = [
    ("presence_penalty", -2),
    ("frequency_penalty", 0.5),
    ("temperature", 0),
    ("top_p", 1),
    ("top_k", 20),
    ("top_k", None),
    ("repetition_penalty", 1.05),
    ("enable_search", True),
    ("search_options", {"search_strategy": "max"}),
    ("translation_options", {"source_lang": "auto", "target_lang": "English"}),
    ("vl_high_resolution_images", True),
    ("min_pixels", 65_536),
    ("max_pixels", 655_360),
    ("tool_stream", False),
    ("enable_code_interpreter", True),
    ("asr_options", {"language": "lv"}),
    ("ocr_options", {"task": "text_recognition"}),
    ("preserve_thinking", True),
    ("chat_template_kwargs", {"add_vision_id": True}),
]


@pytest.mark.parametrize(("name", "value"), KEPT, ids=[f"{row[0]}={row[1]}" for row in KEPT])
def test_what_qwen_takes_goes_upstream_as_it_is(name: str, value: Any) -> None:
    outcome = ruled(**{name: value})
    assert outcome.chat[name] == value
    assert not outcome.dropped
    assert not outcome.changed


HINTS: list[tuple[str, Any]] = [
    ("user", "u-1"),
    ("metadata", {"a": "b"}),
    ("store", True),
    ("service_tier", "flex"),
    ("prompt_cache_key", "k"),
    ("prompt_cache_options", {"mode": "explicit"}),
    ("prompt_cache_retention", "24h"),
    ("safety_identifier", "s"),
    ("prediction", {"type": "content", "content": "x"}),
    ("moderation", {"model": "omni-moderation-latest", "policy": {"input": {"mode": "score"}, "output": None}}),
]


@pytest.mark.parametrize("refuse", [False, True], ids=["drop", "refuse"])
@pytest.mark.parametrize(("name", "value"), HINTS, ids=[row[0] for row in HINTS])
def test_hints_are_left_out_and_named_and_never_refused(name: str, value: Any, refuse: bool) -> None:
    outcome = ruled(refuse=refuse, **{name: value})
    assert name not in outcome.chat
    assert outcome.dropped == (name,)


LOST: list[tuple[str, Any, Row, Failure]] = [
    ("logit_bias", {"50256": -100}, PLAIN, UNSUPPORTED_PARAMETER),
    ("verbosity", "low", PLAIN, UNSUPPORTED_PARAMETER),
    ("logprobs", True, PLAIN, UNSUPPORTED_PARAMETER),
    ("top_logprobs", 3, PLAIN, UNSUPPORTED_PARAMETER),
    ("reasoning_effort", "high", PLAIN, UNSUPPORTED_PARAMETER),
    ("enable_thinking", True, PLAIN, UNSUPPORTED_PARAMETER),
    ("web_search_options", {}, LOCAL, UNSUPPORTED_PARAMETER),
    ("enable_search", True, LOCAL, UNSUPPORTED_PARAMETER),
    ("top_a", 0.2, PLAIN, UNKNOWN_PARAMETER),
    ("reasoning", {"effort": "low"}, PLAIN, UNKNOWN_PARAMETER),
]


@pytest.mark.parametrize(("name", "value", "row", "failure"), LOST, ids=[row[0] for row in LOST])
def test_what_would_change_the_answer_is_named_when_dropped(name: str, value: Any, row: Row, failure: Failure) -> None:
    outcome = ruled(row, **{name: value})
    assert name not in outcome.chat
    assert outcome.dropped == (name,)


@pytest.mark.parametrize(("name", "value", "row", "failure"), LOST, ids=[row[0] for row in LOST])
def test_what_would_change_the_answer_can_be_refused(name: str, value: Any, row: Row, failure: Failure) -> None:
    with pytest.raises(ProxyError) as raised:
        ruled(row, refuse=True, **{name: value})
    assert (raised.value.failure, raised.value.param) == (failure, name)


NOTHING: list[tuple[str, Any]] = [
    ("logit_bias", {}),
    ("verbosity", "medium"),
    ("modalities", ["text"]),
    ("logprobs", False),
    ("top_logprobs", 0),
    ("reasoning_effort", "none"),
    ("enable_thinking", False),
    ("stop", []),
    ("n", 1),
    ("functions", []),
    ("stream", True),
    ("stream_options", {"include_usage": True}),
    *((name, None) for name in OPENAI if name not in ("messages", "model")),
]


@pytest.mark.parametrize(("name", "value"), NOTHING, ids=[f"{row[0]}={row[1]}" for row in NOTHING])
def test_what_says_nothing_is_left_out_without_a_word(name: str, value: Any) -> None:
    outcome = ruled(refuse=True, **{name: value})
    assert outcome == ruled()
    assert name not in outcome.chat


REFUSED: list[tuple[str, Any]] = [
    ("modalities", ["text", "audio"]),
    ("audio", {"voice": "alloy", "format": "wav"}),
    ("moderation", {"model": "m", "policy": {"input": {"mode": "block"}}}),
    ("moderation", {"model": "m", "policy": {"input": {"mode": "score"}, "output": {"mode": "block"}}}),
]


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=[f"{row[0]} {place}" for place, row in enumerate(REFUSED)])
def test_what_the_app_must_not_lose_is_refused_in_any_case(name: str, value: Any) -> None:
    with pytest.raises(ProxyError) as raised:
        ruled(**{name: value})
    assert (raised.value.failure, raised.value.param) == (UNSUPPORTED_PARAMETER, name)


def test_models_that_speak_are_asked_to_and_streamed() -> None:
    audio: Json = {"modalities": ["text", "audio"], "audio": {"voice": "Cherry", "format": "wav"}}
    outcome = ruled(SPEAKING, **audio)
    assert outcome.stream
    assert {name: outcome.chat[name] for name in audio} == audio


@pytest.mark.parametrize(
    ("name", "value"), [("modalities", ["text", "audio"]), ("audio", {"voice": "Cherry"})], ids=["modalities", "audio"]
)
def test_who_wants_to_hear_is_not_given_text_by_a_dialect_without_sound(name: str, value: Any) -> None:
    unsaid = dict.fromkeys(("audio", "modalities"), "this one is mute")
    with pytest.raises(ProxyError, match="this one is mute; ask for text") as raised:
        rule(ask(**{name: value}), SPEAKING, refuse=False, unsaid=unsaid)
    assert (raised.value.failure, raised.value.param) == (UNSUPPORTED_PARAMETER, name)
    outcome = rule(ask(modalities=["text"]), SPEAKING, refuse=True, unsaid=unsaid)
    assert (outcome.dropped, "modalities" in outcome.chat) == (("modalities",), False)


def test_web_search_becomes_qwens_own() -> None:
    outcome = ruled(web_search_options={"search_context_size": "high"}, search_options={"enable_source": True})
    assert outcome.chat["enable_search"] is True
    assert outcome.chat["search_options"] == {"forced_search": True, "enable_source": True}
    assert "web_search_options" not in outcome.chat
    assert outcome.dropped == ("web_search_options.search_context_size",)


def test_fields_that_nobody_knows_are_passed_on_where_the_upstream_takes_them() -> None:
    assert settled(LOCAL, min_p=0.1, guided_json={}) == {"min_p": 0.1, "guided_json": {}}


def test_a_name_that_could_not_stand_in_a_header_is_not_repeated() -> None:
    assert rule({**ask(), "x\r\nset-cookie: a": 1, "ö": 1}, PLAIN, refuse=False).dropped == ("unnamed",)


def test_the_request_of_the_app_is_left_as_it_is() -> None:
    asked = ask(
        messages=[
            {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
            {"role": "user", "content": "Hi", "name": "ann"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c", **function("search")}]},
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "x"}]},
        ],
        tools=[function("search", parameters={})],
        tool_choice="required",
        response_format={"type": "json_object"},
        stop=["", "END"],
    )
    before = copy.deepcopy(asked)
    rule(asked, replace(ABLE, flat_text=True, json_object=False), refuse=False)
    assert asked == before


@pytest.mark.parametrize(
    "odd",
    [
        {"thinking": 7, "enable_thinking": "yes", "thinking_budget": "much", "chat_template_kwargs": [1]},
        {"reasoning_effort": 3, "response_format": "json", "tool_choice": 5, "tools": []},
        {"tools": [{"type": "web_search"}], "tool_choice": {"type": "file_search"}, "parallel_tool_calls": "no"},
        {"temperature": "hot", "top_p": True, "seed": "x", "stop": 5, "n": "two", "max_tokens": "many"},
        {"moderation": "on", "web_search_options": [], "search_options": 3, "modalities": "audio"},
        {"response_format": {"type": "json_schema"}, "tool_choice": {"type": "allowed_tools", "allowed_tools": 3}},
    ],
    ids=["thinking", "formats", "tools", "numbers", "objects", "halves"],
)
@pytest.mark.parametrize("row", [PLAIN, ABLE, LOCAL, SPEAKING], ids=["plain", "able", "local", "speaking"])
def test_odd_values_do_not_break_anything(odd: dict[str, Any], row: Row) -> None:
    assert ruled(row, **odd).chat["model"] == "qwen-test"
