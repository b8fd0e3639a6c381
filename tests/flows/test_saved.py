"""Saved flows are for their owner only, however mitmproxy comes to write them."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from mitmproxy.addons.save import Save
from mitmproxy.addons.savehar import SaveHar
from mitmproxy.test import taddons, tflow

from qwenproxy.flows import saved

type Saves = Callable[[Path], None]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files have no modes here")


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """What users have: files that others can read."""
    before = os.umask(0o022)
    saved.install()
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def stream(context: taddons.context, place: str) -> None:
    context.configure(addon := context.master.addons.get("save"), save_stream_file=place)
    addon.done()


def as_a_stream(path: Path) -> None:
    with taddons.context(Save()) as context:
        stream(context, str(path))


def appended(path: Path) -> None:
    with taddons.context(Save()) as context:
        stream(context, f"+{path}")


def by_command(path: Path) -> None:
    with taddons.context(Save()) as context:
        context.master.addons.get("save").save([tflow.tflow(resp=True)], str(path))


def as_har(path: Path) -> None:
    with taddons.context(SaveHar()) as context:
        context.master.addons.get("savehar").export_har([tflow.tflow(resp=True)], str(path))


@pytest.mark.parametrize("save", [as_a_stream, appended, by_command, as_har])
async def test_a_new_file_is_its_owners(tmp_path: Path, save: Saves, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "new" / "flows" if save is as_a_stream else tmp_path / "flows")
    found = [Path(folder, "flows") for folder, _, files in os.walk(tmp_path) if "flows" in files]
    assert [mode(file) for file in found] == [0o600]
    assert "chmod" not in caplog.text


@pytest.mark.parametrize("save", [as_a_stream, appended, by_command, as_har])
async def test_one_that_others_can_read_is_told_and_left(
    tmp_path: Path, save: Saves, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "flows"
    file.touch()
    file.chmod(0o640)
    save(file)
    assert mode(file) == 0o640
    assert f"chmod 600 {file}" in caplog.text


@pytest.mark.parametrize(("before", "after"), [("", 0o600), ("flows", 0o644)], ids=["new", "gone on with"])
def test_one_that_was_opened_before_is_made_private_if_it_is_new(
    tmp_path: Path, before: str, after: int, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "flows"
    file.write_text(before)
    with file.open("ab") as held:
        saved.settle(SimpleNamespace(stream=SimpleNamespace(fo=held), current_path=str(file)))
    assert mode(file) == after
    assert ("chmod" in caplog.text) == (after != 0o600)


def test_a_device_is_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    before = mode(Path("/dev/null"))
    with saved.opened("/dev/null", "wb") as held:
        saved.settle(SimpleNamespace(stream=SimpleNamespace(fo=held), current_path="/dev/null"))
    assert mode(Path("/dev/null")) == before
    assert caplog.text == ""


def test_where_nothing_is_saved_nothing_happens() -> None:
    saved.settle(None)
    saved.settle(Save())
