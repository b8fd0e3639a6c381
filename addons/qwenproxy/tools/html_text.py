"""The text of a web page, for a model to read.

A scanner of its own, which looks at each character a few times at most: `html.parser` takes minutes over a page that is
made for it, and holds everything else up meanwhile.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from typing import NamedTuple

_RAW = frozenset({"script", "style"})
"""What is in them is no markup (HTML, 13.1.2)."""
_SILENT = _RAW | {"noscript", "template", "svg", "head"}
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figure", "footer", "form", "h1", "h2"}
    | {"h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"}
)
_SPACES = re.compile(r"[ \t\f\v\r\n]+")
_TAG = re.compile(r"</?([a-zA-Z][^\s/>]{0,31})")
_QUOTE_OR_END = re.compile(r"[\"'>]")
_END_OF = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in (*_RAW, "title")}


class Piece(NamedTuple):
    """Text, or a tag by its name."""

    text: str = ""
    tag: str = ""
    closes: bool = False


def text_of(page: str) -> str:
    """The words of *page*, a block a line, its title first."""
    title = ""
    lines: list[str] = []
    words: list[str] = []
    for piece in spoken(pieces(page)):
        if piece.tag == "title":
            title = title or plain(piece.text)
        elif piece.tag in _BLOCKS:
            lines.append(plain("".join(words)))
            words.clear()
        else:
            words.append(piece.text)
    return "\n".join(filter(None, (title, *lines, plain("".join(words)))))


def plain(text: str) -> str:
    """*text* with its references read and its spaces made single."""
    with suppress(ValueError):  # a number of more digits than Python reads
        text = unescape(text)
    return _SPACES.sub(" ", text).strip()


def spoken(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Those of *pieces* that a reader sees; what is never closed ends where the body begins."""
    silent, depth = "", 0
    for piece in pieces:
        if piece.tag == "body":
            silent = ""
        elif silent and piece.tag == silent:
            depth += -1 if piece.closes else 1
            silent = silent if depth else ""
        elif piece.tag == "title" and piece.text:
            yield piece
        elif not silent and piece.tag in _SILENT:
            silent, depth = ("", 0) if piece.closes else (piece.tag, 1)
        elif not silent:
            yield piece


def pieces(page: str) -> Iterator[Piece]:
    """Texts and tags in their order; what is left open at the end is dropped."""
    at = 0
    while (start := page.find("<", at)) >= 0:
        if start > at:
            yield Piece(page[at:start])
        if tag := _TAG.match(page, start):
            name, closes = tag[1].lower(), page[start + 1] == "/"
            at = end_of_tag(page, tag.end())
            if name in _END_OF and not closes:
                content, at = content_of(page, at, name)
                if name == "title":
                    yield Piece(content, name)
            else:
                yield Piece(tag=name, closes=closes)
        elif page.startswith(("<!", "<?"), start):
            mark = "-->" if page.startswith("<!--", start) else ">"
            end = page.find(mark, start + 2)
            at = len(page) if end < 0 else end + len(mark)
        else:
            yield Piece("<")
            at = start + 1
    if at < len(page):
        yield Piece(page[at:])


def end_of_tag(page: str, at: int) -> int:
    """Where a tag ends whose attributes begin at *at*: a `>` in quotes does not count."""
    while mark := _QUOTE_OR_END.search(page, at):
        if mark[0] == ">":
            return mark.end()
        closing = page.find(mark[0], mark.end())
        if closing < 0:
            break
        at = closing + 1
    return len(page)


def content_of(page: str, at: int, name: str) -> tuple[str, int]:
    """What is between the tag that ends at *at* and its closing one, and where that one ends."""
    closing = _END_OF[name].search(page, at)
    if closing is None:
        return page[at:] if name == "title" else "", len(page)
    return page[at : closing.start()], end_of_tag(page, closing.end())
