"""The log probabilities of a text's tokens: made up, in the form that OpenAI and all the service's faces share."""

from qwenproxy.wire.openai import Json


def logprobs_of(tokens: list[str], alternatives: int | None) -> Json | None:
    """Those of *tokens* with so many *alternatives* each; None if none are wanted."""
    if alternatives is None:
        return None
    return {"content": [_logprob(token, alternatives) for token in tokens]}


def _logprob(token: str, alternatives: int) -> Json:
    best = {"token": token, "logprob": -0.1, "bytes": list(token.encode())}
    others = [{"token": f"{token}{rank}", "logprob": -3.0 - rank, "bytes": None} for rank in range(1, alternatives)]
    return {**best, "top_logprobs": [best, *others] if alternatives else []}
