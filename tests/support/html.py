"""Reads a page as a browser does: what it says, its forms, and what would load or run."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img"}
IGNORED = {"style", "title"}


@dataclass
class Form:
    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    """Names and values of what is not a button."""
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    """Label, name, value."""


class Page(HTMLParser):
    """A page, taken apart.  Raises AssertionError if its tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title = ""
        self.headings: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.forms: list[Form] = []
        self._said: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._said).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.attributes |= found.keys()
        if tag not in VOID:
            self._open.append(tag)
        if tag == "form":
            self.forms.append(Form(found.get("method", ""), found.get("action", "")))
        elif tag in ("input", "select") and self.forms:
            self.forms[-1].fields[found["name"]] = found.get("value", "")
        elif tag == "button":
            self.forms[-1].buttons.append(("", found.get("name", ""), found.get("value", "")))
        elif tag in ("h1", "h2"):
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside == "title":
            self.title += data
        elif inside in ("h1", "h2"):
            self.headings[-1] += data
        elif inside == "button":
            label, name, value = self.forms[-1].buttons[-1]
            self.forms[-1].buttons[-1] = (label + data, name, value)
        if inside not in IGNORED:
            self._said.append(data)
