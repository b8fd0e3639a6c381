"""mitmproxy's content views of an exchange: the app's side, Qwen's side, and both.

request    as the app sent it   | as Qwen got it, each round
response   as the app got it    | as Qwen answered, each round
"""

from collections.abc import Iterator

from mitmproxy import contentviews, http
from mitmproxy.contentviews import Metadata, SyntaxHighlight

from qwenproxy.flows.views import message, notes, pretty, sides
from qwenproxy.flows.views.notes import Notes

FIRST = 2.0
"""Above every view of mitmproxy's own."""
BY_NAME_ONLY = -1.0


class Exchange:
    """An exchange of ours; *app* and *qwen*: the sides that are shown."""

    syntax_highlight: SyntaxHighlight = "yaml"

    def __init__(self, name: str, *, app: bool, qwen: bool) -> None:
        self.name = name
        self._app = app
        self._qwen = qwen

    def __lt__(self, other: contentviews.Contentview) -> bool:
        return self.name < other.name

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        found = notes_of(metadata)
        if not (self._app and self._qwen and found) or metadata.http_message is None:
            return BY_NAME_ONLY
        return FIRST if found["rounds"] else BY_NAME_ONLY

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """Raises ValueError for a flow that is not ours."""
        found = notes_of(metadata)
        if found is None:
            raise ValueError("there is nothing kept of an exchange with Qwen beside this flow")
        return "\n".join(self._parts(data, metadata, found))

    def _parts(self, data: bytes, metadata: Metadata, found: Notes) -> Iterator[str]:
        yield from sides.summary(found)
        sent = metadata.http_message
        if isinstance(sent, http.Request):
            if self._app:
                yield from sides.request_of_app(data, sent, found)
            if self._qwen:
                yield from sides.each_round(found, "as Qwen got it", sides.request_to_qwen)
        elif isinstance(sent, http.Response):
            yield from self._answers(data, sent, found)

    def _answers(self, data: bytes, response: http.Response, found: Notes) -> Iterator[str]:
        """What the answers add up to; below, what they are made of."""
        if self._app:
            yield from sides.answer_to_app(data, response)
        if self._qwen:
            told = sides.message_to_app(data, response) if self._app else ""
            yield from sides.each_round(found, "as Qwen answered", lambda kept: sides.answer_of_qwen(kept, told))
        if self._app:
            yield from sides.raw_to_app(data, response)
        if self._qwen:
            yield from sides.each_round(found, "raw, as Qwen answered", sides.raw_of_qwen)


class Message:
    """A streamed answer of a chat API, as the message that it adds up to: a round that stands for itself."""

    name = "Chat stream"
    syntax_highlight: SyntaxHighlight = "yaml"

    def __lt__(self, other: contentviews.Contentview) -> bool:
        return self.name < other.name

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        is_chat = b'"choices"' in data or b'"candidates"' in data
        return 1.5 if data and metadata.content_type == sides.STREAM and is_chat else BY_NAME_ONLY

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """Raises ValueError for what is no chat stream."""
        url = metadata.flow.request.url if isinstance(metadata.flow, http.HTTPFlow) else ""
        told = message.of_upstream(url, data, metadata.content_type or "")
        if not told:
            raise ValueError("there is no answer of a chat API in it")
        return "\n".join([told, *sides.section("raw events"), pretty.text(data).rstrip()])


VIEWS = (
    Exchange("Exchange", app=True, qwen=True),
    Exchange("App side", app=True, qwen=False),
    Exchange("Qwen side", app=False, qwen=True),
    Message(),
)


def install() -> None:
    """Offer the views in mitmweb and in mitmproxy's console."""
    for view in VIEWS:
        contentviews.add(view)


def notes_of(metadata: Metadata) -> Notes | None:
    return notes.of(metadata.flow) if isinstance(metadata.flow, http.HTTPFlow) else None
