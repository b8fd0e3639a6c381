"""One app request for embeddings with its rounds: as many calls as the model's limit on inputs asks for.

The first call goes alone, as what it is refused for all would be; then several go at once, over the same line: the
vectors of one answer are of one model and one protocol.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import batched

from qwenproxy import embedding_models, errors
from qwenproxy.dialects import failures
from qwenproxy.dialects.base import UpstreamRequest
from qwenproxy.dialects.embedding_rulings import Content, check_inputs, rule
from qwenproxy.dialects.embeddings import EMBEDDERS, Embedder, NoVectors, Vectors, batch_limit, garbled
from qwenproxy.embedding_models import EmbeddingRow
from qwenproxy.endpoints.embeddings import EmbeddingCall
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer, headers_of
from qwenproxy.lines import Line
from qwenproxy.opening import CORRECTED
from qwenproxy.record import Record
from qwenproxy.service import Service
from qwenproxy.wire.openai import Json, Usage

AT_ONCE = 8
"""Calls of one request that are under way together."""
ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes read of the answer to one call."""
TRIES = 3
"""How often a call is made if others of its request have answered: their work would be lost with it."""
LONGEST_WAIT = 20.0
"""Seconds that such a call is held back at most when the upstream asks for time."""
LARGE, PIECE = 1024 * 1024, 128 * 1024
"""Bytes from which on an answer is sent in pieces, and their size."""
RETRY_AFTER = 0.5
"""Seconds for one that does not say."""
SHORTEN = "Split the input, or choose a model that takes longer ones."

FAILED = "call_failed"
"""Why a call is made anew."""

type Places = tuple[int, ...]
"""Inputs of one call, by their places in the request."""


@dataclass(frozen=True, slots=True)
class Target:
    """What makes the vectors: two lines with the same target give the same ones."""

    dialect: str
    model: str


@dataclass(slots=True)
class Attempt:
    """One request on one line: what is asked in each call, and what has come."""

    line: Line
    model: str
    row: EmbeddingRow
    embedder: Embedder
    fields: Json
    size: int | None
    """Dimensions that each vector must have, once that is known."""
    vectors: list[bytes]
    """Written for the app, in the order of the inputs; empty until they have come."""
    tokens: int = 0
    answered: bool = False
    """A call has been answered: the others are worth some patience."""


class Embedding:
    """One app request on its way to the upstream and back."""

    def __init__(self, service: Service, call: EmbeddingCall, record: Record, *, agent: str) -> None:
        self._service = service
        self._call = call
        self._record = record
        self._agent = agent
        self._contents: list[Content] = [one.content for one in call.inputs]
        self._turn = asyncio.Lock()

    async def open(self) -> Answer:
        """The answer, whole, from the first line that gives the same vectors as the preferred one.

        Raises ProxyError.
        """
        targets = {line: self._target(line) for line in self._service.lines}
        target = next(filter(None, targets.values()), None)
        if target is None:
            plans = ", ".join(dict.fromkeys(line.plan.name for line in targets))
            message = f"The proxy's upstream has no embeddings ({plans}); one that is paid by tokens has."
            raise ProxyError(errors.UNSUPPORTED_ENDPOINT, message)
        same = [line for line in self._service.usable() if targets[line] == target]
        pieces = await self._service.first(same, lambda line: self._on(line, target), self._record)
        headers = {"content-type": "application/json"} | headers_of(self._record)
        start = b"".join(pieces_of(LARGE, pieces))
        body = start if len(start) < LARGE else LargeBody(start, pieces, self._record)
        return Answer(200, headers, body)

    def _target(self, line: Line) -> Target | None:
        model = embedding_models.resolve(self._call.model, self._service.settings.models, line.plan)
        return Target(line.dialect.name, model) if model is not None else None

    async def _on(self, line: Line, target: Target) -> Iterator[bytes]:
        """The answer in pieces, all of it from *line*; with smaller calls if it says that they must be."""
        most = line.batches.get(target.model)
        while True:
            attempt = self._ruled(line, target, most)
            try:
                await self._all(attempt)
            except ProxyError as e:
                limit = batch_limit(e.message)
                if limit is None or not 0 < limit < attempt.row.batch:
                    raise
                most = limit
                line.learn_batch(attempt.model, limit)
                self._record.taught([f"batch={limit}"])
                self._record.retried(CORRECTED)
                continue
            usage = {"prompt_tokens": attempt.tokens, "total_tokens": attempt.tokens}
            self._record.heard([Usage(usage)])
            return self._call.pieces(attempt.vectors, usage)

    def _ruled(self, line: Line, target: Target, most: int | None) -> Attempt:
        """What is to be asked of *line*, *most* inputs in a call if that is known of it.

        Raises ProxyError for what its model cannot do.
        """
        model = target.model
        self._record.asks(model, target.dialect, line.upstream.base_url)
        row = embedding_models.row_of(model)
        row = row if most is None else replace(row, batch=most)
        embedder = EMBEDDERS[target.dialect]
        if row.multimodal and not embedder.multimodal:
            message = f"{model} embeds by DashScope's native protocol only: set `dialect` to dashscope, or use another."
            raise ProxyError(errors.INVALID_REQUEST, message, param="model")
        ruled = rule(
            self._call.model,
            self._call.asked,
            row,
            refuse=self._service.settings.unsupported == "refuse",
            extras=line.plan.differs.get("extras", False),
            unsaid=embedder.unsaid,
        )
        self._record.ruled(ruled.dropped, ruled.changed)
        check_inputs(self._contents, [one.tokens for one in self._call.inputs], row)
        vectors = [b""] * len(self._contents)
        return Attempt(line, model, row, embedder, ruled.fields, ruled.fields.get("dimensions"), vectors)

    async def _all(self, attempt: Attempt) -> None:
        """Every call that it takes."""
        rest = batched(range(len(self._contents)), attempt.row.batch, strict=False)
        await self._some(attempt, next(rest))
        if attempt.row.batch >= len(self._contents):
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(self._work(attempt, rest))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _work(self, attempt: Attempt, rest: Iterator[Places]) -> None:
        for places in rest:
            await self._some(attempt, places)

    async def _some(self, attempt: Attempt, places: Places) -> None:
        """The vectors of the inputs at *places*, from one call, which is made again where that may help."""
        contents = [self._contents[place] for place in places]
        request = attempt.embedder.request(attempt.model, contents, attempt.fields, attempt.row)
        for left in reversed(range(TRIES)):
            try:
                await self._round(attempt, request, places)
                return
            except ProxyError as e:
                wait = patience(e, attempt.answered)
                if wait is None or not left:
                    raise placed(e, places, len(self._contents)) from e
            self._record.retried(FAILED)
            await asyncio.sleep(wait)

    async def _round(self, attempt: Attempt, request: UpstreamRequest, places: Places) -> None:
        self._record.rounds += 1
        answer = await attempt.line.open(request, self._agent, self._record)
        try:
            body = await answer.read_all(ANSWER_LIMIT)
        finally:
            await answer.close()
        self._record.first_event()
        async with self._turn:  # milliseconds of work: streams go on between one answer and the next
            try:
                self._take(attempt, attempt.embedder.read(body, len(places)), places)
            except NoVectors:
                raise attempt.line.refusal(answer, body) from None
            await asyncio.sleep(0)

    def _take(self, attempt: Attempt, vectors: Vectors, places: Places) -> None:
        for place, vector in zip(places, vectors.rows, strict=True):
            attempt.vectors[place] = self._written(attempt, vector)
        attempt.tokens += vectors.tokens
        attempt.answered = True

    def _written(self, attempt: Attempt, vector: Sequence[float]) -> bytes:
        """*vector* for the app.  Raises ProxyError for one that is none, or is not as long as it must be."""
        if attempt.size is None:
            attempt.size = len(vector)
        if len(vector) != attempt.size:
            raise garbled(f"a vector of {len(vector)} dimensions, not {attempt.size}")
        try:
            return self._call.written(vector)
        except (TypeError, OverflowError):
            raise garbled("a vector of what are no numbers") from None


class LargeBody:
    """An answer of many megabytes, sent as the app reads it: at once it would hold up every stream."""

    def __init__(self, start: bytes, rest: Iterator[bytes], record: Record) -> None:
        self._next = start
        self._rest = rest
        self._record = record

    @property
    def over(self) -> bool:
        return not self._next

    async def read(self) -> bytes:
        piece, self._next = self._next, b"".join(pieces_of(PIECE, self._rest))
        return piece

    async def fail(self, error: ProxyError) -> bytes:
        self._record.failed(error)
        return b""  # half a JSON document: it can only be cut

    async def close(self) -> None:
        self._record.close(cut=bool(self._next))


def pieces_of(size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The next of *pieces*, until they are *size* bytes together or there are no more."""
    while size > 0 and (piece := next(pieces, b"")):
        size -= len(piece)
        yield piece


def patience(error: ProxyError, answered: bool) -> float | None:
    """Seconds after which a call that failed with *error* is worth another try; None if it is not.

    What came broken is asked for again at once.  An upstream that is overrun is the app's to wait for, unless others of
    the request have been *answered*.
    """
    failure = error.failure
    if failure is errors.UPSTREAM_CUT:
        return 0.0
    if not answered or failure.retry is False or (failure.status < 500 and failure.status != 429):
        return None
    wait = RETRY_AFTER if error.retry_after is None else error.retry_after
    return wait if wait <= LONGEST_WAIT else None


def placed(error: ProxyError, places: Sequence[int], total: int) -> ProxyError:
    """*error* with the inputs that it is about, *places* of *total*."""
    message, param = error.message, error.param
    if error.failure is errors.CONTEXT_LENGTH or param == "messages":
        message, param = message.replace(failures.TOO_LONG, SHORTEN), "input"
    if total > 1:
        first, last = f"input[{places[0]}]", f"input[{places[-1]}]"
        if len(places) == 1 and param == "input":
            param = first
        message += f" (It is about {first}.)" if first == last else f" (It is about {first} to {last}.)"
    return ProxyError(error.failure, message, param=param, retry_after=error.retry_after, headers=error.extra_headers)
