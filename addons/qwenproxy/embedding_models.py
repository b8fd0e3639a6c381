"""Embedding models as rows, and what the embedding models of OpenAI become.  The first pattern that fits wins.

Source: the vendor's embedding API references (text and multimodal) and what its service was seen to answer, 2026-11-22;
for open weights their model cards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from qwenproxy import models
from qwenproxy.naming import aliased
from qwenproxy.plans import Plan


@dataclass(frozen=True, slots=True)
class EmbeddingRow:
    """One family of embedding models."""

    size: int | None = None
    """Dimensions of a vector if none are asked for; None: not known."""
    sizes: tuple[int, ...] = ()
    """The `dimensions` that may be asked for; none: not known, the upstream decides."""
    sized: bool = True
    """Takes `dimensions` at all."""
    batch: int = 16
    """Inputs in one call.  Where no limit is known: what common servers take, and is read in a few milliseconds."""
    tokens: int | None = None
    """Tokens in one input; None: not known."""
    multimodal: bool = False
    """Served by DashScope's native protocol only, as multimodal embedding; takes images and videos too."""


V4 = EmbeddingRow(1024, (2048, 1536, 1024, 768, 512, 256, 128, 64), batch=10, tokens=8_192)
V2 = EmbeddingRow(1536, (1536,), sized=False, batch=25, tokens=2_048)
OPEN = EmbeddingRow(tokens=32_768)
VISION = EmbeddingRow(1152, (1152, 1024, 512, 256, 128, 64), batch=20, tokens=1_024, multimodal=True)

FAMILIES: tuple[tuple[str, EmbeddingRow], ...] = (
    ("qwen3.7-text-embedding*", replace(V4, sizes=(2560, 2048, 1536, 1024, 768, 512, 256), batch=20, tokens=128_000)),
    ("text-embedding-v4*", V4),
    ("text-embedding-v3*", replace(V4, sizes=(1024, 768, 512, 256, 128, 64))),
    ("text-embedding-v[12]", V2),
    ("qwen3-embedding-0.6b*", replace(OPEN, size=1024)),
    ("qwen3-embedding-4b*", replace(OPEN, size=2560)),
    ("qwen3-embedding-8b*", replace(OPEN, size=4096)),
    ("qwen3-embedding*", OPEN),
    ("qwen3-vl-embedding-[0-9]b*", OPEN),
    ("qwen3-vl-embedding*", replace(VISION, size=2560, sizes=(2560, 2048, 1536, 1024, 768, 512, 256), tokens=32_000)),
    ("qwen2.5-vl-embedding*", replace(VISION, size=1024, sizes=(2048, 1024, 768, 512), tokens=32_000)),
    ("tongyi-embedding-vision-plus*", VISION),
    ("tongyi-embedding-vision-flash*", replace(VISION, size=768, sizes=(768, 512, 256, 128, 64))),
    ("multimodal-embedding-v1", replace(VISION, size=1024, sizes=(1024,), sized=False, tokens=512)),
    ("*", EmbeddingRow()),
)

OPENAI_SIZES: Mapping[str, int] = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
"""Dimensions of OpenAI's own models, on which an app's store may rely without ever having asked for them."""

OPENAI = ("text-embedding-3*", "text-embedding-ada*", "text-similarity-*", "text-search-*", "code-search-*")
CURRENT = "text-embedding-v4"
"""What OpenAI's models become where all of Qwen's are offered."""
WITHOUT = frozenset({"oauth-portal", "coding-plan"})
"""Kinds of upstream that have no embeddings."""
UNTOLD = frozenset({"token-plan"})
"""Kinds of which nobody has told whether they have any: they get the names that apps use."""


def row_of(model: str) -> EmbeddingRow:
    """The row of *model*, by the upstream's own name for it, with or without a vendor in front."""
    return FAMILIES[_place(model)][1]


def resolve(model: str, aliases: Mapping[str, str], plan: Plan) -> str | None:
    """The upstream's model for what the app calls *model*; None if this kind of upstream has no embeddings.

    The operator's aliases come first, but for those that lead to a model that chats (`*` may be one); then Qwen's own
    names; OpenAI's become `CURRENT`, unless the upstream names its models as it likes; all others stay as they are,
    since vectors of another model than the one that was meant would fit nothing.
    """
    if plan.name in WITHOUT:
        return None
    target = aliased(model, aliases.items())
    if target and not _chats(target):
        return target
    if plan.self_hosted or plan.name in UNTOLD or "/" in model:
        return model
    name = model.lower()
    if _embeds(model):
        return name
    return CURRENT if any(fnmatchcase(name, pattern) for pattern in OPENAI) else model


def _place(model: str) -> int:
    name = model.lower().rpartition("/")[2]
    return next(place for place, (pattern, _) in enumerate(FAMILIES) if fnmatchcase(name, pattern))


def _embeds(model: str) -> bool:
    return _place(model) < len(FAMILIES) - 1


def _chats(model: str) -> bool:
    return not _embeds(model) and models.canonical(model) is not None
