"""What each credential has to offer: models with their limits and abilities, and what names lead to."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from qwenproxy import embedding_models, models, service
from qwenproxy.auth.oauth import OAuth
from qwenproxy.commands.standing import Standing, report
from qwenproxy.dialects.listings import Listed
from qwenproxy.embedding_models import EmbeddingRow
from qwenproxy.endpoints.models import Model
from qwenproxy.errors import ProxyError
from qwenproxy.lines import USER_AGENT, Line
from qwenproxy.listing import TIMEOUT, Listing
from qwenproxy.models import UNKNOWN, Row
from qwenproxy.naming import is_pattern
from qwenproxy.offer import OURS, Offer
from qwenproxy.settings import Settings
from qwenproxy.wire.openai import Json

type Kind = Literal["chat", "embedding", "other"]

ABILITIES: Mapping[str, str] = {
    "vision": "vision",
    "video": "video",
    "audio": "audio",
    "speech": "audio_output",
    "files": "files",
    "tools": "tools",
    "json": "json_object",
    "schema": "json_schema",
    "search": "search",
    "cache": "cache",
}
"""What a model can, in words for people -> the field of its row."""
ASKED_BY: Mapping[str, str] = {"speech": "audio", "search": "enable_search", "cache": "cache_control"}
"""Abilities that nobody gets at where the dialect cannot say these fields."""


@dataclass(slots=True)
class Entry:
    """One of the upstream's models.  Sizes are in tokens, None if nobody knows."""

    id: str
    owner: str
    listed: bool
    """The upstream lists it itself."""
    kind: Kind
    context: int | None = None
    max_output: int | None = None
    thinking: str | None = None
    max_thinking: int | None = None
    efforts: list[str] | None = None
    abilities: list[str] = field(default_factory=list)
    source: str = ""
    """Where the figures are from."""


@dataclass(slots=True)
class Offering:
    """What one credential is good for."""

    kind: str
    upstream: str
    plan: str
    entries: list[Entry]
    names: dict[str, str]
    """Names that lead elsewhere -> where."""
    others: str
    """What all other names lead to; "" if they stay as they are."""
    others_with_images: str
    listed: int | None = None
    """How many models the upstream lists; None: it was not asked, or does not."""
    error: str = ""
    """Why it does not."""

    def as_json(self) -> Json:
        found = asdict(self)
        kind, entries = found.pop("kind"), found.pop("entries")
        return {"credential": kind, **found, "models": entries}


async def offerings(
    settings: Settings, environ: Mapping[str, str], wanted: Sequence[str], *, offline: bool
) -> list[Offering]:
    """What each credential offers, in the order in which calls use them; of that what is called *wanted*, if anything.

    Raises ValueError for settings that do not go together.
    """
    standings = (await report(settings, environ, time.time())).standings
    found = service.service(settings, environ)
    try:
        lines = zip(found.lines, standings, strict=True)
        return [await _offering(settings, line, standing, wanted, offline) for line, standing in lines]
    finally:
        await found.retire()


async def _offering(
    settings: Settings, line: Line, standing: Standing, wanted: Sequence[str], offline: bool
) -> Offering:
    listed: list[Listed] | None = None
    error = ""
    if isinstance(line.credential, OAuth):
        await line.credential.look()  # the login says where it leads
    if not offline and not standing.is_usable:
        error = f"Not asked: {standing.error or standing.state}; `qwenproxy status` says more."
    elif not offline:
        try:
            async with asyncio.timeout(TIMEOUT):
                listed = await Listing(line).fetch(USER_AGENT)
        except (ProxyError, TimeoutError) as e:
            error = str(e) or f"the upstream did not list its models within {TIMEOUT:g} s"
    offer = Offer(settings, line, listed)
    names = dict(_names(settings, offer, wanted))
    return Offering(
        standing.kind,
        line.upstream.base_url,
        line.plan.name,
        [_entry(line, offer, model) for model in _shown(offer, wanted, names)],
        names,
        "" if wanted else _others(line, images=False),
        "" if wanted else _others(line, images=True),
        None if listed is None else len(listed),
        error,
    )


def _names(settings: Settings, offer: Offer, wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The names that lead elsewhere: all that the operator has given, or those of *wanted* that an app may use."""
    if not wanted:
        yield from settings.models.items()
    for name in wanted:
        if is_pattern(name):
            yield from ((alias, target) for alias, target in settings.models.items() if _fits(alias, [name]))
        elif (target := offer.leads_to(name)) and target != name:
            yield name, target


def _others(line: Line, *, images: bool) -> str:
    """What a name leads to that means nothing here."""
    nothing = "-"
    found = line.resolve(nothing, images=images)
    return "" if found == nothing else found


def _shown(offer: Offer, wanted: Sequence[str], names: Mapping[str, str]) -> list[Model]:
    """The upstream's own models; of *wanted*, if anything is, those that it names or leads to."""
    own = {model.id: model for model in offer.models() if model.owner != OURS}
    if not wanted:
        return list(own.values())
    found = {name: model for name, model in own.items() if _fits(name, wanted)}
    for name in [*names.values(), *(name for name in wanted if not is_pattern(name) and name not in names)]:
        if (model := offer.find(name)) is not None and model.owner != OURS:
            found.setdefault(model.id, model)
    return list(found.values())


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _entry(line: Line, offer: Offer, model: Model) -> Entry:
    said = offer.listed(model.id)
    entry = Entry(model.id, model.owner, said is not None, _kind(model.id))
    if entry.kind == "embedding":
        _embedding(entry, embedding_models.row_of(model.id))
    elif entry.kind == "chat":
        _chat(entry, line.row(model.id), line.dialect.unsaid)
    if said is not None:
        entry.context, entry.max_output = said.context or entry.context, said.max_output or entry.max_output
    return entry


def _kind(name: str) -> Kind:
    if embedding_models.row_of(name) != EmbeddingRow():
        return "embedding"
    return "chat" if models.chats(name) else "other"


def _chat(entry: Entry, row: Row, unsaid: Mapping[str, str]) -> None:
    if row.context >= UNKNOWN:
        return
    entry.context, entry.max_output, entry.source = row.context, row.max_output, row.source
    entry.thinking, entry.max_thinking = row.thinking, row.max_thinking
    entry.efforts = None if row.efforts is None else sorted(set(row.efforts.values()))
    out_of_reach = {word for word, field in ASKED_BY.items() if field in unsaid}
    entry.abilities = [word for word, field in ABILITIES.items() if getattr(row, field) and word not in out_of_reach]


def _embedding(entry: Entry, row: EmbeddingRow) -> None:
    entry.context = row.tokens
    sizes = row.sizes or ((row.size,) if row.size else ())
    entry.abilities = ["embedding", *(f"{size}" for size in sizes)]
