"""The models that apps are told of: the operator's aliases, what an upstream is known to have, and what it lists."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from qwenproxy import embedding_models, models, naming
from qwenproxy.dialects.listings import Listed
from qwenproxy.endpoints.models import Model
from qwenproxy.lines import Line
from qwenproxy.settings import Settings

OURS = "qwenproxy"
"""Who owns a name that leads to another model."""

OPENAI = (
    *("gpt-5.1", "gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o"),
    *("gpt-4o-mini", "gpt-4-turbo", "gpt-4", "gpt-3.5-turbo", "o4-mini", "o3", "o3-mini", "o1", "codex-mini-latest"),
)
"""Names that apps look for: those of them are listed for which an alias with wildcards is meant."""
OPENAI_FORMS = ("gpt-*", "chatgpt-*", "o[1-9]*", "codex-*")
EMBEDDING = "text-embedding-3-small"


class Offer:
    """What *line* offers, under which names; *listed*: what its upstream lists, None if that is not known."""

    def __init__(self, settings: Settings, line: Line, listed: Sequence[Listed] | None) -> None:
        self._settings = settings
        self._line = line
        self._listed = {model.id: model for model in listed or ()}
        self._bare = {model.id.lower(): model for model in listed or ()}
        self._complete = listed is not None and line.plan.lists_all
        """What is not listed is not there."""

    def models(self) -> list[Model]:
        """All of them, each once: what may be chosen is not hidden, also if it does not chat."""
        aliases = {name: Model(name, OURS) for name in self.aliases()}
        own = dict.fromkeys(name for name in (*self._known(), *self._listed) if name and not self._is_twin(name))
        return list((aliases | {name: self._own(name) for name in own if name not in aliases}).values())

    def aliases(self) -> Iterator[str]:
        """The names for which the operator has said what they lead to."""
        for alias in self._settings.models:
            if not naming.is_pattern(alias):
                yield alias
            else:
                yield from (name for name in OPENAI if fnmatchcase(name, alias.lower()))

    def find(self, name: str) -> Model | None:
        """The model called *name*, listed or not, if calls for it would be answered by one that is meant by it."""
        offered = {model.id: model for model in self.models()}
        for known in (name, models.canonical(name) or name):
            if known in offered:
                return offered[known]
            if known in self._listed:
                return self._own(known)
        if naming.aliased(name, self._settings.models.items()) or self._stands_in(name):
            return Model(name, OURS)
        if models.canonical(name) and not self._complete:
            return self._own(name)
        return None

    def leads_to(self, name: str) -> str:
        """The upstream's model that answers calls for *name*."""
        return self._embedder(name) if _embeds(name) else self._line.resolve(name, images=False)

    def listed(self, name: str) -> Listed | None:
        """What the upstream says of its model *name*."""
        return self._listed.get(name)

    def _known(self) -> Iterator[str]:
        """The upstream's own, that need no listing."""
        plan = self._line.plan
        yield self._settings.default_model
        if not self._complete:
            yield from (plan.default_model, plan.vision_model, *plan.offers)
            yield self._embedder(EMBEDDING)

    def _own(self, name: str) -> Model:
        listed = self._listed.get(name, Listed(name))
        return Model(name, listed.owner or models.owner_of(name), listed.created)

    def _is_twin(self, name: str) -> bool:
        """Whether *name* is another with a vendor in front ("kimi/kimi-k3"), and both can the same."""
        bare = self._bare.get(models.bare(name)) if "/" in name else None
        if bare is None:
            return False
        other = self._listed.get(name, Listed(name))
        same = (bare.context, bare.max_output) == (other.context, other.max_output)
        return same and self._line.row(bare.id) == self._line.row(name)

    def _stands_in(self, name: str) -> bool:
        """Whether *name* is OpenAI's, and another model answers for it."""
        is_openai = _embeds(name) or any(fnmatchcase(name, form) for form in OPENAI_FORMS)
        return is_openai and self.leads_to(name) not in ("", name)

    def _embedder(self, name: str) -> str:
        """What embeds for *name*; "" if nothing does, or nobody here knows what."""
        found = embedding_models.resolve(name, self._settings.models, self._line.plan)
        return "" if found is None or found == name else found


def _embeds(name: str) -> bool:
    return any(fnmatchcase(name, form) for form in embedding_models.OPENAI)
