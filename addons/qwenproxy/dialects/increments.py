"""Text that may be said anew from its start in every piece, made into increments.

Some upstreams send in each piece all the text so far (cumulative) instead of what is new.  Nothing announces it, and a
text may rightly repeat itself, so it takes evidence: from the very first piece on, each piece begins with the whole of
the one before and is longer.  In an incremental stream the second piece nearly always ends the suspicion, and from then
on every piece passes as it is.
"""

LONG = 64  # characters said again word for word: more than chance
GROWTHS = 3  # so many pieces, each the one before and more, are evidence even if short
ECHO = 16  # a continuation that starts as the text does may be a repetition: equal rows of a table
PATIENCE = 65_536  # characters held back at most while in doubt


class Increments:
    """One channel of one choice.  Pieces go in; what is new in them comes out, now or when the doubt is over."""

    __slots__ = ("_apart", "_doubted", "_growths", "_held", "_last", "_proven", "_sent", "cumulative", "plain")

    def __init__(self) -> None:
        self.plain = False
        """The stream is incremental, for good: pieces need not be fed any more."""
        self.cumulative = False
        """The stream is cumulative, for good."""
        self._last = ""
        self._sent = 0
        self._held: list[str] = []
        self._doubted = 0
        self._growths = 0
        self._proven = False
        self._apart = False

    @property
    def holding(self) -> bool:
        return bool(self._held)

    def feed(self, text: str) -> str:
        """What is new in *text*, which is not empty; "" if nothing is, or if that is not known yet."""
        if self.plain:
            return text
        if self.cumulative:
            return self._new(text)
        last = self._last
        if not last:
            self._last, self._sent = text, len(text)
            return text
        if len(text) > len(last) and text.startswith(last):
            return self._grown(text)
        if last.startswith(text) and self._again(text):
            return self._as_cumulative()
        return self._as_incremental() + text

    def settle(self) -> str:
        """What was held back, decided upon now: something else is said, or the answer is over."""
        self._apart = True
        if not self._held:
            return ""
        return self._as_cumulative() if self._convincing else self._as_incremental()

    @property
    def _convincing(self) -> bool:
        """There is evidence enough to decide by, if nothing more is to come."""
        return self._proven or self._growths >= GROWTHS

    def _grown(self, text: str) -> str:
        """*text* is all that came before, and more: evidence, unless the text may just be repeating itself."""
        last, self._last = self._last, text
        self._held.append(text)
        self._doubted += len(text)
        if not text.startswith(text[len(last) : len(last) + ECHO]):
            self._growths += 1
            self._proven = len(last) >= LONG
        if self._proven and self._growths > 1:
            return self._as_cumulative()
        return self._as_incremental() if self._doubted > PATIENCE else ""

    def _again(self, text: str) -> bool:
        """*text* is what was said before: evidence if it is long, and grew before or was over."""
        return self._convincing or (len(text) >= LONG and (self._growths > 0 or self._apart))

    def _as_cumulative(self) -> str:
        self.cumulative = True
        self._held.clear()
        return self._new(self._last)

    def _as_incremental(self) -> str:
        self.plain = True
        self._last = ""
        held = "".join(self._held)
        self._held.clear()
        return held

    def _new(self, text: str) -> str:
        """The part of a cumulative *text* that was not sent yet."""
        last = self._last
        if text is not last and last.startswith(text):  # said again
            return ""
        if not text.startswith(last) and text[:LONG] != last[:LONG]:  # an increment after all
            self._last, self._sent = last + text, self._sent + len(text)
            return text
        sent, self._last, self._sent = self._sent, text, max(self._sent, len(text))
        return text[sent:]
