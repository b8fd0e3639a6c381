"""POST /v1/embeddings: what the app asked, and its answer."""

import sys
from array import array
from base64 import b64encode
from collections.abc import Iterator, Sequence

import orjson
from pydantic import TypeAdapter

from qwenproxy.endpoints.embedding_inputs import inputs
from qwenproxy.endpoints.validation import conform, parse
from qwenproxy.wire.embeddings import EmbeddingRequest
from qwenproxy.wire.openai import Json

CHECKER = TypeAdapter(EmbeddingRequest)

SINGLE = "f"
"""The type code of C's float, of 32 bits: what base64 holds, in little-endian order."""


class EmbeddingCall:
    """One request.  `asked`: its fields but for `input`, which `inputs` holds, its `model` and null.

    Raises ProxyError for a body that is no embeddings request.
    """

    def __init__(self, body: bytes) -> None:
        asked: Json = parse(body)
        conform(asked, CHECKER)
        self.model: str = asked["model"]
        self.inputs = inputs(asked["input"])
        self.asked: Json = {k: v for k, v in asked.items() if k not in ("model", "input") and v is not None}
        self._base64 = asked.get("encoding_format") == "base64"

    def written(self, vector: Sequence[float]) -> bytes:
        """*vector* as the app wants it: numbers, or base64 of 32-bit floats.

        Raises TypeError or ValueError if it holds what is no number.
        """
        packed = array(SINGLE, vector)
        if not self._base64:
            return orjson.dumps(vector)
        if sys.byteorder == "big":
            packed.byteswap()
        return b'"' + b64encode(packed.tobytes()) + b'"'

    def pieces(self, vectors: Sequence[bytes], usage: Json) -> Iterator[bytes]:
        """The answer, piece by piece: *vectors*, written, in the order of the inputs."""
        start = b'{"object":"list","data":['
        for index, vector in enumerate(vectors):
            yield b'%b{"object":"embedding","index":%d,"embedding":%b}' % (start, index, vector)
            start = b","
        yield b"]," + orjson.dumps({"model": self.model, "usage": usage})[1:]
