"""Log probabilities in the shape of legacy completions: parallel lists, and an offset for each token.

Offsets count characters of prompt and answer together, as OpenAI's do, whether the prompt is echoed or not.
"""

from collections.abc import Sequence

from qwenproxy.wire.openai import Json


class FormerLogprobs:
    """Those of one choice.  *start*: the length of its prompt.  *alternatives*: how many of them the app wants."""

    def __init__(self, start: int, alternatives: int) -> None:
        self._offset = start
        self._alternatives = alternatives

    def shaped(self, logprobs: Json | None) -> Json | None:
        """*logprobs* of the next piece."""
        told: Sequence[Json] = (logprobs or {}).get("content") or ()
        if not told:
            return None
        tokens = [token["token"] for token in told]
        return {
            "tokens": tokens,
            "token_logprobs": [token["logprob"] for token in told],
            "top_logprobs": [top(token) for token in told] if self._alternatives else None,
            "text_offset": self._offsets(tokens),
        }

    def _offsets(self, tokens: Sequence[str]) -> list[int]:
        offsets: list[int] = []
        for token in tokens:
            offsets.append(self._offset)
            self._offset += len(token)
        return offsets


def top(token: Json) -> Json:
    """The alternatives at one place, and what was said there in any case."""
    found = {other["token"]: other["logprob"] for other in token.get("top_logprobs") or ()}
    return {**found, token["token"]: token["logprob"]}
