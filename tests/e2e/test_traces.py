"""Traces of real exchanges: in the SDK's memory, and at a collector that is sent them."""

from pathlib import Path
from typing import Any

import pytest
from openai import APIError
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from qwenproxy.telemetry.traces import Traces
from tests.support.apps import Simulated, simulated, text_of
from tests.support.clock import until
from tests.support.collector import Collector, collecting

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
CODER = "qwen3-coder-plus"
SECRET = "A very secret prompt"


def remembered(stage: Simulated) -> InMemorySpanExporter:
    """Have the spans of what follows kept in memory."""
    exporter = InMemorySpanExporter()
    traces = Traces(processor=SimpleSpanProcessor(exporter), reader=InMemoryMetricReader())
    stage.proxy.addon.traffic.watchers = [traces]
    return exporter


async def finished(stage: Simulated, exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    traffic = stage.proxy.addon.traffic
    assert await until(lambda: not traffic.under_way)
    return list(exporter.get_finished_spans())


def about(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_an_answer_of_several_rounds_is_one_trace_which_the_app_began(confdir: Path) -> None:
    async with simulated(confdir, tools="current_time") as stage:
        exporter = remembered(stage)
        said = f"{SECRET}. What time is it in Riga?"
        stream = await stage.app.stream(said, model=CODER, extra_headers=PARENT, stream_options={"include_usage": True})
        assert await text_of(stream)
        spans = await finished(stage, exporter)
        sent = [asked.headers.get("traceparent", "") for asked in stage.simulator.requests]
    names = sorted(span.name for span in spans)
    assert names == ["chat qwen3-coder-plus"] * 3 + ["execute_tool current_time"]
    assert {f"{span.context.trace_id:032x}" for span in spans if span.context} == {TRACE}
    rounds = [span for span in spans if span.kind.name == "CLIENT"]
    assert sent == [f"00-{TRACE}-{span.context.span_id:016x}-01" for span in rounds if span.context]
    (exchange,) = [span for span in spans if span.kind.name == "SERVER"]
    assert about(exchange)["gen_ai.response.finish_reasons"][-1] == "stop"
    assert about(exchange)["gen_ai.usage.input_tokens"] > 0
    assert {span.parent.span_id for span in spans if span.parent and span is not exchange} == {
        exchange.context.span_id if exchange.context else 0
    }
    assert SECRET not in "".join(span.to_json() for span in spans)


async def test_errors_and_apps_that_leave_are_told_apart(confdir: Path) -> None:
    async with simulated(confdir) as stage:
        exporter = remembered(stage)
        with pytest.raises(APIError):
            await stage.app.ask("Hello [sim: error limit_requests]")
        with pytest.raises(APIError):
            await text_of(await stage.app.stream("Hello [sim: cut]", model=CODER))
        stream = await stage.app.stream("Hello [sim: stall]", model=CODER)
        await anext(aiter(stream))
        await stream.close()
        spans = await finished(stage, exporter)
    kinds = [about(span).get("error.type") for span in spans if span.kind.name == "SERVER"]
    assert kinds == ["rate_limit_exceeded", "upstream_stream_cut", "client_closed"]
    rounds = [about(span).get("error.type") for span in spans if span.kind.name == "CLIENT"]
    assert rounds[:2] == ["429", "upstream_stream_cut"]
    assert all(span.end_time for span in spans)


async def test_without_it_nothing_of_the_apps_trace_is_carried_on(confdir: Path) -> None:
    async with simulated(confdir) as stage:
        await stage.app.ask("Hello", extra_headers=PARENT)
        assert [asked.headers.get("traceparent") for asked in stage.simulator.requests] == [None]


async def test_a_collector_is_sent_them_in_its_own_protocol(confdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.port}")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        async with simulated(confdir, otel="on", otel_content="on") as stage:
            await stage.app.ask(SECRET, model=CODER, extra_headers=PARENT)
    check(collector)


def check(collector: Collector) -> None:
    assert {"qwenproxy", "test"} <= collector.services
    assert {span.name for span in collector.spans} == {f"chat {CODER}"}
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    texts = {
        each.key: each.value.string_value
        for span in collector.spans
        for each in span.attributes
        if each.key.endswith("messages")
    }
    assert set(texts) == {"gen_ai.input.messages", "gen_ai.output.messages"}
    assert SECRET in texts["gen_ai.input.messages"]
    assert {metric.name for metric in collector.metrics} == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "gen_ai.server.time_to_first_token",
    }
