"""The built wheel, installed alone: nothing of the checkout is there."""

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.clients import HELLO, connected
from tests.support.processes import clean, running

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
INDEX = ("PIP_", "SSL_CERT_FILE", "HTTPS_PROXY", "UV_")
"""Variables by which pip finds the index."""


def call(*command: object, cwd: Path) -> str:
    """The output of a command that has to succeed."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    environ |= {name: value for name, value in os.environ.items() if name.startswith(INDEX)}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place, ROOT, cwd=place)
    (found,) = place.glob("qwenproxy-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The folder of the programs."""
    venv = wheel.parent / "venv"
    call(sys.executable, "-m", "venv", venv, cwd=wheel.parent)
    call(venv / "bin/python", "-m", "pip", "install", "--quiet", wheel, cwd=wheel.parent)
    return venv / "bin"


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"qwenproxy"}
    assert "qwenproxy/py.typed" in names
    assert not [name for name in names if name.endswith((".pyc", ".toml", ".md"))]


def test_it_says_how_it_is_used(installed: Path, tmp_path: Path) -> None:
    assert "qwenproxy" in call(installed / "qwenproxy", "--help", cwd=tmp_path)


async def test_it_answers(installed: Path, tmp_path: Path) -> None:
    environ = {name: value for name, value in clean(tmp_path).items() if name != "PYTHONPATH"}
    command = [str(installed / "qwenproxy"), "run", "--simulator", "--port", "0", "--no-proxy-port"]
    async with running(command, environ, ready="listening") as process:
        port = int(process.printed.decode().split("reverse=http://127.0.0.1:")[1].split()[0])
        async with connected(port) as app:
            reply = await app.ask(body=HELLO)
        assert reply.status == 200
        assert reply.json["choices"][0]["message"]["content"]
        process.process.send_signal(signal.SIGTERM)
        assert await process.process.wait() == 0
