"""The scripted model's vectors: of length 1, from a text and all else that a real model would look at."""

import math
import struct
from collections.abc import Sequence
from hashlib import shake_256


def vector(said: Sequence[str], dimensions: int) -> list[float]:
    """The vector of what is *said*: the same for the same, and for nothing else."""
    seed = "\0".join((*said, str(dimensions))).encode()
    raw = struct.unpack(f"<{dimensions}i", shake_256(seed).digest(4 * dimensions))
    length = math.sqrt(math.sumprod(raw, raw))
    return [value / length for value in raw]
