"""An answer that is a summary -> the one output item that it is sealed in."""

from qwenproxy.endpoints.responses import compaction
from qwenproxy.endpoints.responses.compaction import Stand
from qwenproxy.endpoints.responses.draft import Seal
from qwenproxy.endpoints.responses.stage import Stage
from qwenproxy.wire.openai import Delta


class Summing:
    """Takes the deltas of a summary.  What was thought of it is told to nobody; one without a word is none."""

    def __init__(self, stage: Stage, seal: Seal) -> None:
        self.finish: str | None = None
        self._stage = stage
        self._seal = seal
        self._text: list[str] = []

    def add(self, event: Delta) -> None:
        if event.choice:
            return
        if text := event.delta.get("content"):
            if not self._text:
                self._id = self._stage.new_id("cmp")
                self._stage.begin({"id": self._id, "type": compaction.WHAT, "encrypted_content": ""})
                self._stage.tell("compaction.compacting", item_id=self._id)
            self._text.append(text)
        if event.finish_reason is not None and self._text:
            self.finish = event.finish_reason
            stand = Stand([compaction.summary("".join(self._text))], users=True)
            sealed = compaction.seal(stand, self._seal)
            self._stage.done({"id": self._id, "type": compaction.WHAT, "encrypted_content": sealed})
