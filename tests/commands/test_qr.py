"""QR codes for terminals."""

import pytest
import segno

from qwenproxy.commands import qr

LINK = "https://chat.qwen.ai/authorize?user_code=KXWT-29PL&client=qwen-code"
DARK = {drawn: modules for modules, drawn in qr.BLOCKS.items()}


def modules(lines: list[str]) -> list[list[int]]:
    """The rows of modules that *lines* show, dark ones as 1."""
    rows: list[list[int]] = []
    for line in lines:
        rows += [[DARK[block][half] for block in line] for half in (0, 1)]
    return rows


@pytest.mark.parametrize("border", [1, 2])
def test_what_is_drawn_is_the_code_with_a_light_border(border: int) -> None:
    expected = [[int(module) for module in row] for row in segno.make_qr(LINK, error="l").matrix_iter(border=border)]
    rows = 18 if border == 1 else 40
    drawn = modules(qr.lines(LINK, 78, rows, colours=False))
    assert drawn[: len(expected)] == expected
    assert drawn[len(expected) :] == [[1] * len(expected[0])], "half a line is left over, and not drawn"
    assert set(drawn[0]) == {0}


def test_a_link_of_qwens_fits_into_the_smallest_common_terminal() -> None:
    assert len(qr.lines(LINK, 78, 24 - 6, colours=False)) == 18


@pytest.mark.parametrize(("columns", "rows"), [(78, 17), (34, 40), (0, 0)])
def test_there_is_none_where_it_does_not_fit(columns: int, rows: int) -> None:
    assert qr.lines(LINK, columns, rows, colours=False) == []


def test_with_colours_it_is_right_on_every_background() -> None:
    plain = qr.lines(LINK, 78, 40, colours=False)
    assert qr.lines(LINK, 78, 40, colours=True) == [f"{qr.LIGHT_ON_DARK}{line}{qr.END}" for line in plain]
