"""Spans and metrics of exchanges, in the conventions' own names."""

from typing import Any

import orjson
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.trace import SpanKind, StatusCode

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.record import Record
from qwenproxy.telemetry.traces import Traces
from qwenproxy.traffic import Traffic
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
UPSTREAM = "https://dashscope.test/compatible-mode/v1"
USAGE = {"prompt_tokens": 12, "completion_tokens": 34, "prompt_tokens_details": {"cached_tokens": 5}}


class Collector:
    """A proxy's traffic, and what a collector of traces and metrics has got of it."""

    def __init__(self, *, content: bool = False) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        traces = Traces(content=content, processor=SimpleSpanProcessor(self._spans), reader=self._reader)
        self.traffic = Traffic([traces])

    def begin(self, endpoint: str = "chat", **headers: str) -> Record:
        record = self.traffic.begin(Record("req_1", "POST", endpoint, lambda: 1.0), headers)
        record.model = "gpt-4o"
        record.asks("qwen3.7-plus", "compatible", UPSTREAM)
        return record

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._spans.get_finished_spans()}

    @property
    def points(self) -> dict[str, list[Any]]:
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


def answered(record: Record, chat: Json | None = None) -> None:
    """A streamed answer in two rounds, with a call of a tool of ours between them."""
    assert record.trace is not None
    record.trace.asked(chat or {"messages": []})
    record.stream = True
    for _ in range(2):
        record.trace.round(f"{UPSTREAM}/chat/completions").end()
    record.trace.tool("current_time", "call_1").end()
    record.first_event()
    events: list[ChatEvent] = [
        Delta(0, {"content": "It is "}),
        Delta(0, {"content": "noon."}),
        Delta(0, {}, "stop"),
        Usage(USAGE),
    ]
    record.trace.heard(events)
    record.heard(events)
    record.close()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_an_exchange_is_a_span_with_what_the_conventions_ask_for() -> None:
    collector = Collector()
    answered(collector.begin())
    span = collector.spans["chat gpt-4o"]
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "qwen",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "qwen3.7-plus",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "server.address": "dashscope.test",
        "server.port": 443,
        "http.response.status_code": 200,
        "qwenproxy.request_id": "req_1",
    }
    assert (span.kind, span.status.status_code) == (SpanKind.SERVER, StatusCode.UNSET)
    assert span.resource.attributes["service.name"] == "qwenproxy"


def test_rounds_and_calls_of_tools_are_below_it() -> None:
    collector = Collector()
    answered(collector.begin())
    spans = collector.spans
    exchange = spans["chat gpt-4o"]
    for name, kind in (("chat qwen3.7-plus", SpanKind.CLIENT), ("execute_tool current_time", SpanKind.INTERNAL)):
        assert spans[name].parent is not None
        assert spans[name].parent == exchange.context
        assert spans[name].kind is kind
    assert attributes(spans["execute_tool current_time"]) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "current_time",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.type": "function",
    }
    assert attributes(spans["chat qwen3.7-plus"])["gen_ai.request.model"] == "qwen3.7-plus"


def test_the_trace_of_the_app_goes_on_and_is_carried_to_the_upstream() -> None:
    collector = Collector()
    record = collector.begin(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="vendor=1", baggage="user=ann")
    assert record.trace is not None
    step = record.trace.round(UPSTREAM)
    step.end()
    record.close()
    spans = collector.spans
    exchange, each = spans["chat gpt-4o"], spans["chat qwen3.7-plus"]
    assert exchange.parent is not None
    assert (f"{exchange.parent.trace_id:032x}", f"{exchange.parent.span_id:016x}") == (TRACE, PARENT)
    assert each.context is not None
    assert step.headers == {"traceparent": f"00-{TRACE}-{each.context.span_id:016x}-01", "tracestate": "vendor=1"}


def test_an_error_is_told_by_its_code_and_without_its_words() -> None:
    collector = Collector()
    record = collector.begin()
    assert record.trace is not None
    step = record.trace.round(UPSTREAM)
    step.end("429")
    step.end()
    record.failed(ProxyError(errors.RATE_LIMIT, "words that may quote the app"))
    record.close()
    for name, code in (("chat gpt-4o", "rate_limit_exceeded"), ("chat qwen3.7-plus", "429")):
        span = collector.spans[name]
        assert attributes(span)["error.type"] == code
        assert span.status.status_code is StatusCode.ERROR
        assert "words that" not in str(span.to_json())


CHAT: Json = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "A secret?"}, {"type": "image_url", "image_url": {}}]},
    ]
}


@pytest.mark.parametrize("content", [False, True])
def test_what_is_asked_and_answered_is_told_only_where_that_is_wanted(content: bool) -> None:
    collector = Collector(content=content)
    answered(collector.begin(), CHAT)
    found = attributes(collector.spans["chat gpt-4o"])
    told = {name: orjson.loads(value) for name, value in found.items() if name.endswith("messages")}
    if not content:
        assert told == {}
        return
    assert told == {
        "gen_ai.input.messages": [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "A secret?"}, {"type": "image_url"}]},
        ],
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": "It is noon."}],
                "finish_reason": "stop",
            }
        ],
    }


def test_the_metrics_are_the_conventions_own() -> None:
    collector = Collector()
    answered(collector.begin())
    record = collector.begin()
    record.failed(ProxyError(errors.QUOTA, "no more"))
    record.close()
    points = collector.points
    tokens = {point.attributes["gen_ai.token.type"]: point.sum for point in points["gen_ai.client.token.usage"]}
    assert tokens == {"input": 12, "output": 34}
    durations = points["gen_ai.client.operation.duration"]
    assert sorted(str(point.attributes.get("error.type")) for point in durations) == ["None", "insufficient_quota"]
    assert [point.count for point in points["gen_ai.server.time_to_first_token"]] == [1]


def test_metrics_name_no_model_that_has_not_answered() -> None:
    collector = Collector()
    record = collector.begin()
    record.model = record.used = "an app's own words"
    record.close()
    (point,) = collector.points["gen_ai.client.operation.duration"]
    assert "own words" not in str(dict(point.attributes))


def test_what_asks_no_model_is_no_operation_of_one() -> None:
    collector = Collector()
    collector.begin("models").close()
    (span,) = collector.spans.values()
    assert span.name == "POST models"
    assert not [name for name in attributes(span) if name.startswith("gen_ai.operation")]
    assert collector.points == {}


def test_every_name_is_one_of_the_conventions() -> None:
    collector = Collector(content=True)
    answered(collector.begin(), CHAT)
    known = {value for value in vars(gen_ai_attributes).values() if isinstance(value, str)}
    used = {name for span in collector.spans.values() for name in attributes(span) if name.startswith("gen_ai.")}
    assert used <= known
    assert set(collector.points) <= {value for value in vars(gen_ai_metrics).values() if isinstance(value, str)}
