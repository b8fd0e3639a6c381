"""A QR code for terminals: two rows of modules are one line of half blocks."""

from itertools import batched

import segno

BLOCKS = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
"""What is drawn for an upper and a lower module, of which the light ones are drawn."""
LIGHT_ON_DARK = "\x1b[38;5;231;48;5;16m"
END = "\x1b[0m"
BORDERS = (2, 1)
"""Light modules around it, as many as there is room for.  Four are asked for; readers manage with one."""


def lines(text: str, columns: int, rows: int, *, colours: bool) -> list[str]:
    """The code that says *text*, for a terminal with so many *columns* and *rows* left; none if it does not fit.

    Without *colours* it is right on a dark background only.
    """
    code = segno.make_qr(text, error="l")
    for border in BORDERS:
        drawn = _drawn([[int(module) for module in row] for row in code.matrix_iter(border=border)])
        if len(drawn) <= rows and len(drawn[0]) <= columns:
            return [f"{LIGHT_ON_DARK}{line}{END}" for line in drawn] if colours else drawn
    return []


def _drawn(modules: list[list[int]]) -> list[str]:
    below = [1] * len(modules[0])  # nothing is drawn below the last row of an odd number
    pairs = [(*pair, below)[:2] for pair in batched(modules, 2, strict=False)]
    return ["".join(BLOCKS[module] for module in zip(upper, lower, strict=True)) for upper, lower in pairs]
