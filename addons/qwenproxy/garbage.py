"""How Python looks for garbage: seldom, since each look holds all streams up."""

import gc

THRESHOLDS = (20_000, 10, 10)
"""Instead of 2,000: at each of its passes the collector looks through whatever is under way, a hundred open streams in
some milliseconds, and finds little.  The garbage of a request is about a hundred objects."""


def spare() -> None:
    """Have the collector look more rarely, and never in what has been loaded by now."""
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
