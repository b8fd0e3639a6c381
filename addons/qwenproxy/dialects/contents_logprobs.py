"""`logprobsResult` of a candidate as the `logprobs` of a choice."""

from typing import Any

from qwenproxy.wire.openai import Json


def to_openai(result: Any) -> Json | None:
    """OpenAI's object; None if *result* holds no chosen tokens.  The alternatives stand beside each token by place."""
    chosen = _listed(result, "chosenCandidates")
    if not chosen:
        return None
    tops = _listed(result, "topCandidates")
    tops += [None] * (len(chosen) - len(tops))
    return {
        "content": [_token(one) | {"top_logprobs": _alternatives(top)} for one, top in zip(chosen, tops, strict=False)],
        "refusal": None,
    }


def _alternatives(top: Any) -> list[Json]:
    return [_token(one) for one in _listed(top, "candidates")]


def _token(candidate: Any) -> Json:
    given = candidate if isinstance(candidate, dict) else {}
    token = given.get("token")
    token = token if isinstance(token, str) else ""
    value = given.get("logProbability")
    logprob = value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _listed(holder: Any, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return list(value) if isinstance(value, list) else []
