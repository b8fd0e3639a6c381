"""The Grafana dashboard asks for figures that there are, by labels that they have."""

import re
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.figures import everything

FILE = Path(__file__).parents[2] / "scripts" / "deploy" / "grafana" / "qwenproxy.json"
DASHBOARD: Any = orjson.loads(FILE.read_bytes())
PANELS: list[Any] = DASHBOARD["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
OURS = re.compile(r"qwenproxy_\w+")
GIVEN = {"job", "instance"}
"""Labels that Prometheus itself gives to what it reads."""


def labels() -> dict[str, set[str]]:
    """The labels of each series."""
    found: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(everything()):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    return found


LABELS = labels()


def asked(query: str) -> set[str]:
    """The labels that a query names."""
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", query)
    grouped = [name for group in re.findall(r"by \(([^)]*)\)", query) for name in re.split(r"[,\s]+", group)]
    return {*matched, *grouped}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_what_there_is(query: str) -> None:
    names = set(OURS.findall(query))
    assert names
    assert names <= set(LABELS)
    for name in names:
        assert asked(query) <= LABELS[name] | GIVEN


def test_every_figure_is_shown() -> None:
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in LABELS if name.startswith("qwenproxy_")}
    shown = {re.sub(r"_bucket$", "", name) for query in QUERIES for name in OURS.findall(query)}
    assert families == shown


def test_variables_are_of_series_that_there_are() -> None:
    queries = [variable["definition"] for variable in DASHBOARD["templating"]["list"] if "definition" in variable]
    assert len(queries) == 2
    for query in queries:
        assert set(OURS.findall(query)) <= set(LABELS)


def test_panels_lie_beside_each_other() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    cells = [
        {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        for at in (panel["gridPos"] for panel in PANELS)
    ]
    assert not [pair for pair in combinations(cells, 2) if pair[0] & pair[1]]
    assert max(x for cell in cells for x, _ in cell) < 24
