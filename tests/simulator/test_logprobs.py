"""Made-up log probabilities."""

from qwenproxy.simulator.logprobs import logprobs_of


def test_none_are_given_if_none_are_wanted() -> None:
    assert logprobs_of(["a"], None) is None


def test_each_token_is_its_own_best_alternative() -> None:
    told = logprobs_of(["ņ", " b"], 3)
    assert told is not None
    assert [entry["token"] for entry in told["content"]] == ["ņ", " b"]
    assert told["content"][0]["bytes"] == [0xC5, 0x86]
    assert [other["token"] for other in told["content"][0]["top_logprobs"]] == ["ņ", "ņ1", "ņ2"]
    assert all(entry["logprob"] <= 0 for entry in told["content"])


def test_alternatives_can_be_left_out() -> None:
    assert logprobs_of(["a"], 0) == {
        "content": [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}],
    }
