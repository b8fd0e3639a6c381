"""What `/metrics` says, as numbers."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

type Figures = Mapping[tuple[str, ...], float]


def figures(text: str, name: str, *labels: str) -> Figures:
    """The samples called *name* by the values of *labels*, summed over all others; without the zeros."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.value:
                key = tuple(sample.labels[label] for label in labels)
                found[key] = found.get(key, 0) + sample.value
    return found


def total(text: str, name: str) -> float:
    """The sum of all samples called *name*."""
    return sum(figures(text, name).values())
