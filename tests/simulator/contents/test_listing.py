"""The list of models."""

import pytest

from qwenproxy.simulator.contents.listing import PAGE, model, page
from qwenproxy.simulator.known import KNOWN
from qwenproxy.simulator.refusals import Refused


def test_an_entry() -> None:
    entry = model("qwen3.7-plus")
    assert entry["name"] == "models/qwen3.7-plus"
    assert (entry["inputTokenLimit"], entry["outputTokenLimit"]) == (1_000_000, 65_536)
    assert "generateContent" in entry["supportedGenerationMethods"]
    assert (entry["thinking"], model("qwen3-coder-plus")["thinking"]) == (True, False)


@pytest.mark.parametrize("size", ["1", "7", "1000", ""])
def test_all_pages_together_are_the_list(size: str) -> None:
    names: list[str] = []
    query = {"pageSize": size}
    while True:
        listed = page(KNOWN, query)
        assert len(listed["models"]) <= int(size or PAGE)
        names += [entry["name"] for entry in listed["models"]]
        if "nextPageToken" not in listed:
            break
        query["pageToken"] = listed["nextPageToken"]
    assert names == [f"models/{name}" for name in KNOWN]


def test_a_query_that_is_no_number_is_refused() -> None:
    with pytest.raises(Refused, match="Invalid value at 'page_size'"):
        page(KNOWN, {"page_size": "many"})
