"""What a model's name becomes upstream."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from qwenproxy.models import canonical
from qwenproxy.plans import Aliases, Plan, row_on


def resolve(model: str, aliases: Mapping[str, str], plan: Plan, default_model: str, images: bool) -> str:
    """The upstream's model for what the app calls *model*.

    The operator's aliases come first, then what the plan has in place of a model that it has not, then Qwen's own names
    as they are.  Every other name becomes *default_model* or the plan's own; with *images*, one that sees.
    """
    for table in (aliases.items(), plan.aliases):
        if target := aliased(model, table):
            return target
    if own := canonical(model):
        return model if plan.self_hosted else own
    chosen = default_model or plan.default_model or model
    sees = not images or row_on(chosen, plan).vision
    return chosen if sees else plan.vision_model or chosen


def aliased(model: str, aliases: Aliases) -> str | None:
    """The target of the pattern that fits best: the name itself, else the longest."""
    name = model.lower()
    fits = [(pattern.lower() == name, len(pattern), target) for pattern, target in aliases if _fits(name, pattern)]
    return max(fits, key=lambda fit: fit[:2])[2] if fits else None


def is_pattern(alias: str) -> bool:
    """Whether *alias* stands for many names."""
    return not set("*?[").isdisjoint(alias)


def _fits(name: str, pattern: str) -> bool:
    return name == pattern.lower() or fnmatchcase(name, pattern.lower())
