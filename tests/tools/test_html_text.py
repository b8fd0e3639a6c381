"""The words of a web page."""

import time

import pytest

from qwenproxy.tools.html_text import text_of

PAGES = {
    "blocks are lines": ("<h1>A</h1><p>b <b>c</b>\n d</p><ul><li>e<li>f</ul>", "A\nb c d\ne\nf"),
    "the title comes first": ("<head><title>T\nt</title><meta></head><body>b", "T t\nb"),
    "scripts are silent": ("a<script>b</script><style>c</style><noscript>d</noscript>e", "ae"),
    "references are read": ("&lt;a&gt; &amp; &#8364;&nbsp;1", "<a> & €\xa01"),
    "a table": ("<table><tr><td>a<td>b<tr><td>c</table>", "ab\nc"),
    "left open": ("<div>a<script>b", "a"),
    "a title left open": ("<title>a", "a"),
    "closed too often": ("</div></script>a</p>", "a"),
    "a head left open": ("<head><body>a", "a"),
    "no markup": ("a < b", "a < b"),
    "a mark in quotes": ("<a title='>' href=\">\">a</a>b", "ab"),
    "a comment": ("a<!-- <p>b</p> -->c<!DOCTYPE html>d<?e?>f", "acdf"),
    "markup in a script": ("a<script>'<p>' < '</p>'</SCRIPT >b", "ab"),
    "one in another": ("a<svg><svg>b</svg>c</svg>d<template>e</template>f", "adf"),
    "two titles": ("<title>a</title><svg><title>b</title></svg>c", "a\nc"),
    "a quote left open": ("a<b c='d>e", "a"),
    "a large number": ("&#" + "9" * 5_000 + ";", "&#" + "9" * 5_000 + ";"),
}


@pytest.mark.parametrize(("page", "text"), PAGES.values(), ids=PAGES)
def test_a_page_becomes_its_words(page: str, text: str) -> None:
    assert text_of(page) == text


PIECES = [
    "<div>",
    "<script>",
    "<!--",
    "<",
    "&#9",
    "9",
    "<a href='",
    '<a b="c',
    "</",
    "<svg>",
    "</svg>",
    "<title>",
    "<!",
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_of_nonsense_takes_no_minute(piece: str) -> None:
    began = time.process_time()
    text_of(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 5
