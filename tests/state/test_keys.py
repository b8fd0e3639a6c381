"""The keys that seal: where they are, and who makes them."""

import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qwenproxy.errors import ProxyError
from qwenproxy.settings import load
from qwenproxy.state.keys import Seals, keys, seals

KEY = "k" * 32


def of(home: Path, **settings: str) -> Seals:
    environ = {"HOME": str(home)} | {f"QWENPROXY_{name.upper()}": value for name, value in settings.items()}
    return seals(load(environ, home), environ)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_they_outlive_the_process_beside_the_state(tmp_path: Path) -> None:
    sealed = (await of(tmp_path).of("ann")).close("reasoning", "Hm.")
    assert (await of(tmp_path).of("ann")).open("reasoning", sealed) == "Hm."
    assert names(tmp_path / ".local/state/qwenproxy") == ["state.db-keys"]


@pytest.mark.skipif(sys.platform == "win32", reason="rights are another matter there")
def test_their_file_is_for_its_owner_only(tmp_path: Path) -> None:
    keys(tmp_path / "state" / "keys")
    assert stat.S_IMODE((tmp_path / "state" / "keys").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_whoever_comes_first_makes_them_for_all(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: tuple(keys(file)), range(16)))
    assert len(set(found)) == 1
    assert names(tmp_path) == ["keys"], "no draft is left"


@pytest.mark.parametrize("state", ["memory", "off"])
async def test_where_nothing_is_written_they_end_with_the_process(tmp_path: Path, state: str) -> None:
    one = of(tmp_path, state=state)
    sealed = (await one.of("ann")).close("reasoning", "Hm.")
    assert (await one.of("ann")).open("reasoning", sealed) == "Hm."
    assert (await of(tmp_path, state=state).of("ann")).open("reasoning", sealed) is None
    assert not names(tmp_path)


async def test_named_ones_are_the_same_everywhere(tmp_path: Path) -> None:
    sealed = (await of(tmp_path, state_keys=KEY).of("ann")).close("reasoning", "Hm.")
    rotated = await of(tmp_path, state="off", state_keys=f"{'n' * 32},{KEY}").of("ann")
    assert rotated.open("reasoning", sealed) == "Hm."
    assert not names(tmp_path)


def test_in_a_file_the_first_line_seals_and_comments_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"# new\nnew-{KEY}\n\n  old-{KEY}  \n")
    assert keys(tmp_path / "keys") == [f"new-{KEY}", f"old-{KEY}"]


@pytest.mark.parametrize("spoil", ["empty", "a folder"])
async def test_without_any_the_error_says_where(tmp_path: Path, spoil: str) -> None:
    file = tmp_path / "my.db-keys"
    if spoil == "empty":
        file.write_text("# lost\n")
    else:
        file.mkdir()
    with pytest.raises(ProxyError, match=r"my\.db-keys.*settings state, state_keys"):
        await of(tmp_path, state=str(tmp_path / "my.db")).of("ann")
