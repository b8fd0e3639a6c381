"""What all exchanges share: the upstream, how it is spoken to, and what it has taught about its models."""

from dataclasses import dataclass, field
from pathlib import Path

from qwenproxy import __version__, errors, plans
from qwenproxy.auth.credentials import ApiKey, Credential, MissingKey, NoCredential
from qwenproxy.dialects.base import Dialect
from qwenproxy.dialects.compatible import Compatible
from qwenproxy.errors import ProxyError
from qwenproxy.models import Row
from qwenproxy.plans import Plan
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream

USER_AGENT = f"qwenproxy/{__version__}"
ROWS_KEPT = 1000


@dataclass(slots=True)
class Service:
    """One upstream in use.  *learned*: rows as the upstream's refusals have corrected them, by its names of models."""

    settings: Settings
    plan: Plan
    upstream: Upstream
    dialect: Dialect
    learned: dict[str, Row] = field(default_factory=dict)

    def resolve(self, model: str, *, images: bool) -> str:
        """The upstream's name for what an app calls *model*."""
        return plans.resolve(model, self.settings.models, self.plan, self.settings.default_model, images)

    def row(self, model: str) -> Row:
        return self.learned.get(model) or plans.row_on(model, self.plan)

    def learn(self, model: str, row: Row) -> None:
        if model in self.learned or len(self.learned) < ROWS_KEPT:
            self.learned[model] = row

    def model_names(self) -> list[tuple[str, str]]:
        """The models that an app is told of, with their owners: the operator's aliases, then the upstream's own."""
        aliases = [(name, "qwenproxy") for name in self.settings.models if not set("*?[") & set(name)]
        own = (self.settings.default_model, self.plan.default_model, self.plan.vision_model)
        return list(dict.fromkeys([*aliases, *((name, "qwen") for name in own if name)]))

    def inherit(self, before: "Service") -> None:
        """Keep what *before* has learned, if it was about the same upstream."""
        if before.upstream.base_url == self.upstream.base_url:
            self.learned = before.learned

    def user_agent(self, app: str) -> str:
        """The User-Agent for the upstream: our own, or that of the app *app* where the plan asks who is calling."""
        return app if self.plan.forwards_user_agent and app else USER_AGENT


def service(settings: Settings) -> Service:
    """The service that *settings* describe.  Connects to nothing yet.  Raises ValueError."""
    key = settings.api_key.reveal() if settings.auth != "none" else ""
    base_url = plans.trimmed(settings.upstream) if settings.upstream else ""
    plan = plans.kind_of(base_url) if base_url else plans.plan_of_key(key, settings.sources.get("api_key", ""))
    base_url = base_url or plan.base_url
    upstream = Upstream(base_url, credential(settings, key, base_url), idle_timeout=settings.idle_timeout)
    return Service(settings, plan, upstream, Compatible(plan))


def credential(settings: Settings, key: str, base_url: str) -> Credential:
    """What signs the calls in."""
    if key:
        file = settings.api_key_file
        from_file = file and settings.sources.get("api_key") == settings.sources.get("api_key_file")
        return ApiKey(key, Path(file) if from_file else None)
    if settings.auth == "none":
        return NoCredential()
    return MissingKey(
        ProxyError(
            errors.UPSTREAM_KEY,
            f"The proxy has no key for its upstream {base_url}: set QWENPROXY_API_KEY (or DASHSCOPE_API_KEY) and start "
            "it again; QWENPROXY_AUTH=none if the upstream wants no key.  The app's own OpenAI key is never used.",
        )
    )


def complaints(service: Service) -> list[str]:
    """What the user should hear at the start."""
    settings = service.settings
    found = list(settings.notes)
    key = settings.api_key.reveal()
    if isinstance(service.upstream.credential, MissingKey):
        found.append(str(service.upstream.credential.error))
    elif key and (wrong := plans.mismatch(key, service.plan)):
        found.append(f"{wrong}  Expect 401 or 403 from {service.upstream.base_url}.")
    return found
