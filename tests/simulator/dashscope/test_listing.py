"""The native list of models."""

import aiohttp
import pytest

from qwenproxy.dialects import listings
from qwenproxy.simulator.dashscope.listing import LARGEST, PAGE, model, page
from qwenproxy.simulator.known import LISTED
from qwenproxy.simulator.refusals import Refused
from qwenproxy.simulator.server import Simulator


def test_an_entry_names_the_model_and_its_sizes() -> None:
    entry = model("qwen3.7-plus")
    assert (entry["model"], entry["model_info"]["max_output_tokens"]) == ("qwen3.7-plus", 65_536)


@pytest.mark.parametrize(("asked", "size"), [("7", 7), ("", PAGE), ("1000", LARGEST)])
def test_all_pages_together_are_the_list(asked: str, size: int) -> None:
    names: list[str] = []
    for number in range(1, len(LISTED) // size + 2):
        output = page(LISTED, {"page_no": str(number), "page_size": asked})["output"]
        assert (output["page_no"], output["page_size"], output["total"]) == (number, size, len(LISTED))
        names += [entry["model"] for entry in output["models"]]
    assert names == list(LISTED)


@pytest.mark.parametrize("query", [{"page_no": "0"}, {"page_size": "many"}], ids=str)
def test_a_query_that_is_no_number_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(Refused, match="must be a positive integer"):
        page(LISTED, query)


async def test_the_simulator_lists_as_the_proxy_reads_it() -> None:
    simulator = Simulator()
    await simulator.start()
    try:
        names: list[str] = []
        following = ""
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {simulator.key}"}) as session:
            while True:
                path = listings.request("dashscope", following).path
                async with session.get(f"{simulator.base_url}/api/v1{path}") as answer:
                    found = listings.page("dashscope", await answer.read())
                names += [each.id for each in found.models]
                if not (following := found.following):
                    break
        assert names == list(LISTED)
    finally:
        await simulator.stop()
