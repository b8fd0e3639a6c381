"""logprobsResult as OpenAI's logprobs."""

from typing import Any

import pytest

from qwenproxy.dialects.contents_logprobs import to_openai


def test_each_token_has_its_rivals_beside_it() -> None:
    result = {
        "chosenCandidates": [{"token": "H", "logProbability": -0.5}, {"token": "ā", "logProbability": 0}],
        "topCandidates": [{"candidates": [{"token": "J", "logProbability": -2}]}],
    }
    assert to_openai(result) == {
        "content": [
            {
                "token": "H",
                "logprob": -0.5,
                "bytes": [72],
                "top_logprobs": [{"token": "J", "logprob": -2, "bytes": [74]}],
            },
            {"token": "ā", "logprob": 0, "bytes": [196, 129], "top_logprobs": []},
        ],
        "refusal": None,
    }


@pytest.mark.parametrize("result", [None, 5, [], {}, {"chosenCandidates": []}, {"chosenCandidates": {}}])
def test_where_there_are_none_none_are_made_up(result: Any) -> None:
    assert to_openai(result) is None


@pytest.mark.parametrize("token", [None, 5, {}, {"token": 7, "logProbability": "x"}, {"logProbability": True}])
def test_a_token_that_is_none_is_empty(token: Any) -> None:
    empty = {"token": "", "logprob": 0.0, "bytes": []}
    result = {"chosenCandidates": [token], "topCandidates": [{"candidates": [token]}]}
    assert to_openai(result) == {"content": [{**empty, "top_logprobs": [empty]}], "refusal": None}
