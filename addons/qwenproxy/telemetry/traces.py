"""Traces and metrics by OpenTelemetry, in its semantic conventions for generative AI.

A span for each exchange, and below it one for each round and for each call of the proxy's own tools.  The app's trace
context (W3C) is taken up, and carried on to the upstream.  Needs the extra `qwenproxy[otel]`: this module is imported
only where that is switched on.  Where things are sent to, and how, is for the SDK's own variables (`OTEL_…`) to say.

Names are those of https://github.com/open-telemetry/semantic-conventions-genai, which are still being developed.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import orjson
from opentelemetry import context, metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from qwenproxy import __version__
from qwenproxy.record import Record
from qwenproxy.wire.openai import ChatEvent, Delta, Json

NAME = "qwenproxy"
PROVIDER = "qwen"
OPERATIONS: Mapping[str, str] = {
    "chat": "chat",
    "responses": "chat",
    "background": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
}
"""What the conventions call what an endpoint does; other endpoints ask no model."""
TOOL = "execute_tool"
CLOSING = 5.0
"""Seconds that the end of a process waits for what is still to be sent."""
TOKENS = tuple(4**power for power in range(14))
"""Bounds of the histograms, as the conventions have them: tokens, and seconds below."""
DURATIONS = tuple(0.01 * 2**power for power in range(14))
FIRSTS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
USAGE: Mapping[str, str] = {
    "prompt": "gen_ai.usage.input_tokens",
    "completion": "gen_ai.usage.output_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
}
"""Kinds of tokens, as attributes."""
TYPES: Mapping[str, str] = {"prompt": "input", "completion": "output"}
"""Kinds of tokens, as the metric for them has them."""

type Value = str | int | float | bool | Sequence[str]

_CONTEXT = TraceContextTextMapPropagator()  # and no baggage: that is the app's own


class Traces:
    """A watcher of the traffic that makes spans of it, and metrics.  *content*: with what is asked and answered.

    *processor* and *reader* are where they go; by default both are sent by OTLP over HTTP.
    """

    def __init__(
        self, *, content: bool = False, processor: SpanProcessor | None = None, reader: MetricReader | None = None
    ) -> None:
        resource = Resource({SERVICE_NAME: NAME, SERVICE_VERSION: __version__}).merge(OTELResourceDetector().detect())
        self._spans = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._spans.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        reader = reader or PeriodicExportingMetricReader(OTLPMetricExporter())
        self._metrics = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        self._tracer = self._spans.get_tracer(NAME, __version__)
        meter = self._metrics.get_meter(NAME, __version__)
        self._tokens = histogram(meter, "gen_ai.client.token.usage", "{token}", TOKENS)
        self._durations = histogram(meter, "gen_ai.client.operation.duration", "s", DURATIONS)
        self._firsts = histogram(meter, "gen_ai.server.time_to_first_token", "s", FIRSTS)
        self._content = content

    def began(self, record: Record, headers: Mapping[str, str]) -> None:
        """A request is in: its span begins, below the app's own if it names one."""
        parent = _CONTEXT.extract(headers)
        span = self._tracer.start_span(NAME, parent, SpanKind.SERVER)
        record.trace = ExchangeTrace(self._tracer, span, record, content=self._content)

    def ended(self, record: Record) -> None:
        """Its answer is over, and so is its span."""
        followed = record.trace
        operation = OPERATIONS.get(record.endpoint)
        if not isinstance(followed, ExchangeTrace):
            return
        if operation is None:
            followed.span.update_name(f"{record.method} {record.endpoint}")
            followed.end({"http.response.status_code": record.status})
            return
        followed.span.update_name(f"{operation} {record.model}".rstrip())
        told: dict[str, Value] = {"qwenproxy.request_id": record.id, "http.response.status_code": record.status}
        followed.end(attributes(record, operation, record.model) | told)
        self._measure(record, attributes(record, operation, "" if record.first_seconds is None else record.used))

    def close(self) -> None:
        """Send what is still to be sent; where nobody receives it, that is given up after some seconds."""
        closing = [threading.Thread(target=each.shutdown, daemon=True) for each in (self._spans, self._metrics)]
        for thread in closing:
            thread.start()
        end = time.monotonic() + CLOSING
        for thread in closing:
            thread.join(max(0.0, end - time.monotonic()))

    def _measure(self, record: Record, about: Mapping[str, Value]) -> None:
        """The metrics; *about* names no model but those by which Qwen has answered: apps may ask for anything."""
        self._durations.record(record.seconds, {**about, **({"error.type": record.code} if record.code else {})})
        if record.first_seconds is not None and not record.code:
            self._firsts.record(record.first_seconds, about)
        for kind, count in record.tokens().items():
            if kind in TYPES:
                self._tokens.record(count, {**about, "gen_ai.token.type": TYPES[kind]})


class ExchangeTrace:
    """The span of one exchange, and those of its parts."""

    def __init__(self, tracer: trace.Tracer, span: trace.Span, record: Record, *, content: bool) -> None:
        self.span = span
        self._tracer = tracer
        self._record = record
        self._content = content
        self._below: context.Context = trace.set_span_in_context(span)
        self._finishes: dict[int, str] = {}
        """By choice, as what was said."""
        self._said: dict[int, list[str]] = {}
        self._input: Sequence[Json] = ()

    def asked(self, chat: Json) -> None:
        if self._content:
            self._input = chat["messages"]

    def heard(self, events: Sequence[ChatEvent]) -> None:
        for event in events:
            if isinstance(event, Delta):
                if event.finish_reason:
                    self._finishes[event.choice] = event.finish_reason
                if self._content and isinstance(text := event.delta.get("content"), str):
                    self._said.setdefault(event.choice, []).append(text)

    def round(self, url: str) -> "SpanStep":
        record = self._record
        operation = OPERATIONS.get(record.endpoint, record.endpoint)
        about = attributes(record, operation, record.used) | server(url)
        span = self._tracer.start_span(f"{operation} {record.used}", self._below, SpanKind.CLIENT, attributes=about)
        return SpanStep(span)

    def tool(self, name: str, call: str) -> "SpanStep":
        about = {
            "gen_ai.operation.name": TOOL,
            "gen_ai.tool.name": name[:64],
            "gen_ai.tool.call.id": call[:64],
            "gen_ai.tool.type": "function",
        }
        return SpanStep(self._tracer.start_span(f"{TOOL} {name[:64]}", self._below, attributes=about))

    def end(self, about: Mapping[str, Value]) -> None:
        """All is known: *about* and what the record tells."""
        record, span = self._record, self.span
        span.set_attributes(about)
        span.set_attributes({USAGE[kind]: count for kind, count in record.tokens().items()})
        if self._finishes:
            span.set_attribute("gen_ai.response.finish_reasons", list(self._finishes.values()))
        if record.stream:
            span.set_attribute("gen_ai.request.stream", True)
        if self._content:
            span.set_attributes(self._told())
        SpanStep(span).end(record.code)

    def _told(self) -> Mapping[str, str]:
        """What was asked and answered, as JSON in the conventions' form."""
        messages = [{"role": each.get("role"), "parts": parts(each.get("content"))} for each in self._input]
        answers = [
            {"role": "assistant", "parts": parts("".join(said)), "finish_reason": self._finishes.get(choice, "")}
            for choice, said in self._said.items()
        ]
        told = {"gen_ai.input.messages": messages, "gen_ai.output.messages": answers}
        return {name: orjson.dumps(value).decode() for name, value in told.items() if value}


class SpanStep:
    """A span that ends once."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def headers(self) -> Mapping[str, str]:
        """The trace context, for whoever is asked."""
        carrier: dict[str, str] = {}
        _CONTEXT.inject(carrier, trace.set_span_in_context(self._span))
        return carrier

    def end(self, error: str = "") -> None:
        if not self._span.is_recording():
            return
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def attributes(record: Record, operation: str, model: str) -> dict[str, Value]:
    """What spans and metrics have in common; *model*: what was asked for, "" if that is not to be told."""
    about: dict[str, Value] = {"gen_ai.operation.name": operation, "gen_ai.provider.name": PROVIDER}
    if model:
        about["gen_ai.request.model"] = model
    if model and record.first_seconds is not None:
        about["gen_ai.response.model"] = record.used
    return about | (server(record.upstream) if record.upstream else {})


def server(url: str) -> dict[str, Value]:
    parts = urlsplit(url)
    return {
        "server.address": parts.hostname or "",
        "server.port": parts.port or {"http": 80}.get(parts.scheme, 443),
    }


def parts(content: object) -> list[Json]:
    """A message's content as the conventions have it: its texts, and of what else there is only the kind."""
    each = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(each, list):
        return []
    return [
        {"type": "text", "content": part["text"]} if part.get("type") == "text" else {"type": str(part.get("type"))}
        for part in each
        if isinstance(part, dict)
    ]


def histogram(meter: metrics.Meter, name: str, unit: str, bounds: Sequence[float]) -> metrics.Histogram:
    return meter.create_histogram(name, unit, explicit_bucket_boundaries_advisory=bounds)
