"""Lines to Qwen: an upstream, the credential for it, and what it has taught about its models."""

import time
from collections.abc import Callable, Mapping

from qwenproxy import __version__, faces, naming, plans
from qwenproxy.auth.credentials import Credential
from qwenproxy.dialects.base import Dialect, UpstreamRequest
from qwenproxy.dialects.compatible import Compatible
from qwenproxy.dialects.contents import Contents
from qwenproxy.dialects.dashscope import DashScope
from qwenproxy.errors import BILLING, UPSTREAM_KEY, ProxyError
from qwenproxy.hints import KeyKind, explained, mismatch
from qwenproxy.limits.rates import Gate
from qwenproxy.models import Row
from qwenproxy.plans import Face, Plan
from qwenproxy.record import Record
from qwenproxy.settings import Settings
from qwenproxy.upstream import REFUSAL_LIMIT, Round, Upstream

USER_AGENT = f"qwenproxy/{__version__}"
ROWS_KEPT = 1000
GATE_PATIENCE = 30.0  # s that a call may wait for a place with its credential

AGAINST_CREDENTIAL = (UPSTREAM_KEY, BILLING)
"""Refusals that any other call would meet, too; a quota may be that of one model."""

DIALECTS: Mapping[Face, Callable[[Plan], Dialect]] = {
    "compatible": Compatible,
    "dashscope": DashScope,
    "contents": Contents,
}
"""What speaks each face of an upstream."""


class Line:
    """One way to Qwen.  Its kind follows from its address, which a login may change."""

    def __init__(self, upstream: Upstream, settings: Settings, kind: KeyKind | None = None) -> None:
        """*kind*: what the credential is, as far as one can tell; None if there is none."""
        self.upstream = upstream
        self.kind = kind
        self.learned: dict[str, Row] = {}
        """Rows as the upstream's refusals have corrected them, by its own names of models."""
        self.batches: dict[str, int] = {}
        """Inputs that one call for embeddings may hold, as refusals have told, by the upstream's names of models."""
        self.rests_until = 0.0
        """Monotonic seconds until which others are tried first."""
        self.refused: tuple[float, ProxyError] | None = None
        """When (monotonic seconds) and how the credential was refused last; None once it is taken."""
        self.worked = False
        """The upstream has taken the credential, at least once."""
        self.gate = Gate(None)
        self._settings = settings
        self._rows: dict[str, Row] = {}
        """Rows as they are on this plan, by the upstream's names of models: to make one costs more than to keep it."""
        self._address = ""
        self._dialect: Dialect
        self._settle()

    @property
    def name(self) -> str:
        """What logs call it."""
        return f"{self.credential.name} at {self.upstream.base_url}"

    @property
    def credential(self) -> Credential:
        return self.upstream.credential

    @property
    def plan(self) -> Plan:
        if self.upstream.base_url != self._address:
            self._settle()
        return self._plan

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    def resolve(self, model: str, *, images: bool) -> str:
        """The upstream's name for what an app calls *model*."""
        return naming.resolve(model, self._settings.models, self.plan, self._settings.default_model, images)

    def row(self, model: str) -> Row:
        row = self.learned.get(model) or self._rows.get(model)
        if row is None:
            row = plans.row_on(model, self.plan)
            if len(self._rows) < ROWS_KEPT:
                self._rows[model] = row
        return row

    def learn(self, model: str, row: Row) -> None:
        if model in self.learned or len(self.learned) < ROWS_KEPT:
            self.learned[model] = row

    def learn_batch(self, model: str, limit: int) -> None:
        if model in self.batches or len(self.batches) < ROWS_KEPT:
            self.batches[model] = limit

    def user_agent(self, app: str) -> str:
        """The User-Agent for the upstream: our own, or that of the app *app* where the plan asks who is calling."""
        return app if self.plan.forwards_user_agent and app else USER_AGENT

    async def open(self, request: UpstreamRequest, app: str, record: Record | None = None) -> Round:
        """The answer to *request* of an app whose User-Agent is *app*.

        *record*: that of the exchange, if there is one.  Raises ProxyError, also for a refusal.
        """
        await self.gate.enter(GATE_PATIENCE)
        try:
            answer = await self._answered(request, app, record)
        except ProxyError as e:
            if e.failure in AGAINST_CREDENTIAL:
                self.refused = time.monotonic(), e
            raise
        self.refused, self.worked = None, True
        return answer

    async def _answered(self, request: UpstreamRequest, app: str, record: Record | None) -> Round:
        answer = await self.upstream.open(request, self.user_agent(app), record)
        if answer.status >= 300:
            try:
                body = await answer.read_all(REFUSAL_LIMIT)
            finally:
                await answer.close()
            raise self.refusal(answer, body)
        return answer

    def refusal(self, answer: Round, body: bytes) -> ProxyError:
        """The upstream's refusal in OpenAI's words, with what is known about this key and this host."""
        error = answer.masked(self.dialect.failure(answer.status, answer.headers, body))
        return explained(error, answer.status, self.kind, self.plan, self.upstream.base_url)

    @property
    def complaint(self) -> str | None:
        """Why the upstream will refuse the credential, if that is known beforehand."""
        return mismatch(self.kind, self.plan, self.upstream.base_url) if self.kind is not None else None

    def inherit(self, before: "Line") -> None:
        """Keep what *before* has learned and used up, and what its dialect remembers, if it leads to the same place."""
        if (before._address, before._plan) == (self._address, self._plan):
            self.learned, self.batches, self.gate = before.learned, before.batches, before.gate
            self.refused, self.worked = before.refused, before.worked
            self._dialect = before._dialect

    def _settle(self) -> None:
        self._address = self.upstream.base_url
        self._plan = plans.kind_of(self._address, oauth=self.credential.name == "oauth")
        self._dialect = DIALECTS[faces.face_of(self._address)](self._plan)
        self.gate = Gate(self._plan.per_minute)
        self.learned = {}
        self.batches = {}
        self._rows = {}
