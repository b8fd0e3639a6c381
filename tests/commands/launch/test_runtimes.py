"""Commands whose runtime does not heed proxy variables."""

from pathlib import Path

import pytest

from qwenproxy.commands.launch import runtimes


@pytest.mark.parametrize("name", ["node", "npx", "npm.cmd", "node.exe", "tsx", "app.mjs"])
def test_node_is_known_by_its_name(name: str) -> None:
    assert runtimes.is_node(f"/usr/bin/{name}")


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("#!/usr/bin/env node", True),
        ("#!/usr/bin/env -S node --no-warnings", True),
        ("#!/opt/nodejs/bin/node", True),
        ("#!/usr/bin/env python3", False),
        ("#!/bin/sh", False),
        ("node", False),
        ("", False),
    ],
)
def test_a_script_is_known_by_its_first_line(tmp_path: Path, first: str, expected: bool) -> None:
    script = tmp_path / "tool"
    script.write_text(f"{first}\n1\n")
    assert runtimes.is_node(str(script)) is expected


def test_what_cannot_be_read_is_not_node(tmp_path: Path) -> None:
    assert not runtimes.is_node(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("version", "heeds"),
    [
        ((18, 20, 8), False),
        ((20, 20, 2), False),
        ((22, 20, 0), False),
        ((22, 21, 0), True),
        ((23, 11, 1), False),
        ((24, 0, 0), True),
        ((25, 1), True),
        ((), True),
    ],
)
def test_node_heeds_proxy_variables_from_certain_releases_on(version: tuple[int, ...], heeds: bool) -> None:
    assert runtimes.heeds_proxies(version) is heeds


def node(folder: Path, version: str) -> Path:
    """A node of this version."""
    path = folder / "node"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def test_the_version_is_asked_of_the_program_itself_or_of_the_node_in_the_path(tmp_path: Path) -> None:
    found = str(node(tmp_path, "v20.1.2"))
    assert runtimes.node_version(found, "") == (20, 1, 2)
    assert runtimes.node_version("/usr/bin/npx", str(tmp_path)) == (20, 1, 2)
    assert runtimes.node_version("/usr/bin/npx", str(tmp_path / "empty")) == ()
    assert runtimes.node_version(str(tmp_path / "gone" / "node"), "") == ()


def test_only_a_node_that_does_not_heed_proxy_variables_is_reported(tmp_path: Path) -> None:
    assert runtimes.deaf_node(str(node(tmp_path, "v20.1.2")), "") == (20, 1, 2)
    assert runtimes.deaf_node(str(node(tmp_path, "v24.1.2")), "") == ()
    assert runtimes.deaf_node("/bin/sh", str(tmp_path)) == ()
