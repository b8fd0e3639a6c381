"""What is kept by the settings, and when it has to be opened anew."""

import os
from pathlib import Path

import pytest

from qwenproxy.keeping import Keeping, state_of
from qwenproxy.settings import Settings, load

KEY = "k" * 32


def read(folder: Path, **given: str) -> Settings:
    return load({f"QWENPROXY_{name.upper()}": text for name, text in given.items()} | {"HOME": str(folder)}, folder)


@pytest.mark.parametrize(
    ("given", "stored", "shared"),
    [
        ({}, True, False),
        ({"state": "memory"}, True, False),
        ({"state": "off"}, False, False),
        ({"state": "redis://127.0.0.1:1/0", "state_keys": KEY}, True, True),
    ],
    ids=str,
)
async def test_the_settings_say_what_is_kept_and_nothing_is_opened(
    tmp_path: Path, given: dict[str, str], stored: bool, shared: bool
) -> None:
    keeping = Keeping(read(tmp_path, **given), {"HOME": str(tmp_path)})
    assert (keeping.archive is not None, keeping.shared is not None) == (stored, shared)
    await keeping.close()
    assert os.listdir(tmp_path) == []


async def test_what_one_has_sealed_another_opens_by_the_same_key(tmp_path: Path) -> None:
    one, other = (Keeping(read(tmp_path, state="off", state_keys=KEY), {}) for _ in range(2))
    sealed = (await one.seals.of("ann")).close("reasoning", "Hm.")
    assert (await other.seals.of("ann")).open("reasoning", sealed) == "Hm."


@pytest.mark.parametrize(
    ("changed", "anew"),
    [({"state": "off"}, True), ({"state_limit": "1m"}, True), ({"state_keys": KEY}, True), ({"heartbeat": "2"}, False)],
    ids=str,
)
def test_other_settings_leave_it_open(tmp_path: Path, changed: dict[str, str], anew: bool) -> None:
    assert (state_of(read(tmp_path, **changed)) != state_of(read(tmp_path))) == anew
