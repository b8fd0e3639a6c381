"""What is counted of exchanges, in plain numbers."""

from qwenproxy.record import Record
from qwenproxy.telemetry.tallies import MODELS, OTHER, Tallies


def ended(name: str = "", *, answered: bool = False) -> Record:
    """An exchange for the model *name*."""
    record = Record("req_1", "POST", "chat", lambda: 1.0)
    record.asks(name, "compatible", "https://qwen.test/v1")
    if answered:
        record.first_event()
    record.close()
    return record


def test_exchanges_that_end_alike_are_counted_together_and_then_anew() -> None:
    tallies = Tallies()
    for record in (ended(), ended(), ended("qwen3.7-plus", answered=True)):
        tallies.add(record)
    alike, odd = tallies.taken()
    assert {key: tally.exchanges for key, tally in alike.items()} == {
        ("chat", "", "compatible", 200, ""): 2,
        ("chat", "qwen3.7-plus", "compatible", 200, ""): 1,
    }
    assert not odd
    assert tallies.taken() == ({}, {})


def test_a_model_has_a_name_once_qwen_has_answered_by_it() -> None:
    tallies = Tallies()
    for number in range(3):
        tallies.add(ended(f"an app's own words {number}"))
    for number in range(MODELS + 5):
        tallies.add(ended(f"qwen-{number}", answered=True))
    alike, _ = tallies.taken()
    counted: dict[str, int] = {}
    for (_, model, _, _, _), tally in alike.items():
        counted[model] = counted.get(model, 0) + tally.exchanges
    assert len(counted) == MODELS + 1
    assert counted[OTHER] == 3 + 5
    tallies.add(ended("qwen-1"))
    assert [key[1] for key in tallies.taken()[0]] == ["qwen-1"], "a name that is known stays known"
