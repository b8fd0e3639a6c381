"""Every scenario that means something on the native face, at both of its addresses."""

import pytest

from qwenproxy.simulator.dashscope.face import Dashscope
from qwenproxy.simulator.scenarios import SCENARIOS, is_on
from tests.simulator.test_scenarios import ENDLESS, ONCE, TIMED
from tests.support.native_cases import cases_of
from tests.support.scenario_cases import Case
from tests.support.simulated import Client

NAMES = [name for name in SCENARIOS if is_on(name, Dashscope) and name not in {*TIMED, *ENDLESS, *ONCE}]
ROWS = [(name, case) for name in NAMES for case in cases_of(name)]
TEXT, SEEING = {"model": "qwen3-coder-plus"}, {"model": "qwen3.7-plus", "enable_thinking": False}


@pytest.mark.parametrize("model", [TEXT, SEEING], ids=["text", "multimodal"])
@pytest.mark.parametrize(("name", "case"), ROWS, ids=[f"{name}-{at}" for at, (name, _) in enumerate(ROWS)])
async def test_a_scenario_does_what_it_says(client: Client, name: str, case: Case, model: dict[str, object]) -> None:
    own = model if "row multimodal" not in case.said else TEXT
    fields = {"stream": True, **own, **case.fields}
    if "model" in case.fields:
        fields.pop("enable_thinking", None)
    answer = await client.native(case.said, **fields)
    assert case.fits(answer), answer.body.decode(errors="replace")


MEANINGLESS = [name for name in SCENARIOS if not is_on(name, Dashscope)]


@pytest.mark.parametrize("name", MEANINGLESS)
async def test_a_scenario_of_other_faces_is_refused_by_name(client: Client, name: str) -> None:
    answer = await client.native(f"[sim: {name}]", stream=True)
    assert answer.status == 400
    assert answer.error["message"].endswith(f"the scenario '{name}' means nothing on the dashscope face.")


@pytest.mark.parametrize("name", ["usage-first", "null-finish", "no-done", "event-lines", "error-finish"])
def test_what_native_frames_always_or_never_are_cannot_be_asked_for(name: str) -> None:
    assert name in MEANINGLESS
