"""The scripts that people and CI call, with a Python that only writes down what it was asked."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FAKE = """#!/bin/sh
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && for tool in qwenproxy ruff mypy; do
        cp "$0" "$3/bin/$tool"; done ;;
    "-c "*) exit "$(cat "$0.broken" 2>/dev/null || echo 0)" ;;
    --version) echo "Python 3.13.9"; exit ;;
    "-m pip --version") exit ;;
    "-m pip install "*) [ -p "$FAKES/hang" ] && exec cat "$FAKES/hang" ; [ -e "$FAKES/slow" ] && sleep 0.5 ;;
esac
echo "$(basename "$0") $*" >>"$FAKES/log"
case "$*" in "-m pytest "*|"format "*|"-m pip install "*|"run "*) [ -z "${SAY:-}" ] || echo "$SAY from $PWD" ;; esac
for fail in "$FAKES"/fail-*; do
    case "$*" in *"${fail##*/fail-}"*) echo "no luck" >&2; exit "$(cat "$fail")" ;; esac
done
exit 0
"""


@dataclass
class Checkout:
    """A copy of the scripts, and the fake tools that they find."""

    root: Path
    fakes: Path

    def start(self, script: str, *arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.Popen[str]:
        home = {"HOME": str(self.fakes), "PYENV_ROOT": str(self.fakes / "pyenv"), "FAKES": str(self.fakes)}
        return subprocess.Popen(
            [self.root / "scripts" / script, *arguments],
            cwd=cwd or self.root,
            env={"PATH": f"{self.fakes / 'bin'}:{os.environ['PATH']}", **home, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def call(self, script: str, *arguments: str, cwd: Path | None = None, **environ: str) -> tuple[int, str, str]:
        """Its exit status, and what it wrote to stdout and stderr."""
        process = self.start(script, *arguments, cwd=cwd, **environ)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    @property
    def log(self) -> list[str]:
        """What the fakes were asked, in order."""
        file = self.fakes / "log"
        return file.read_text().splitlines() if file.exists() else []

    def installed(self) -> list[str]:
        """The extras of each installation so far."""
        mark = f"install --quiet --editable {self.root}"
        return [line.partition(mark)[2] for line in self.log if mark in line]

    def fail(self, call: str, status: int = 1) -> Path:
        """Let calls whose arguments hold *call* fail."""
        file = self.fakes / f"fail-{call}"
        file.write_text(str(status))
        return file


def tool(path: Path, script: str = FAKE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "a checkout", tmp_path / "fakes")
    made.root.mkdir()
    shutil.copytree(ROOT / "scripts", made.root / "scripts")
    shutil.copy(ROOT / "pyproject.toml", made.root)
    tool(made.fakes / "bin" / "python3.13")
    return made


def opened(fifo: Path) -> int:
    """The writing end of *fifo*, as soon as somebody waits at the other."""
    while True:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.02)


def until(found: Callable[[], object]) -> None:
    """Wait until *found* is true, or the test's time is over."""
    while not found():
        time.sleep(0.02)


@pytest.mark.parametrize(("script", "extras"), [("run", ""), ("test", "[test]"), ("check", "[test,check]")])
def test_the_first_call_installs_and_the_second_only_works(checkout: Checkout, script: str, extras: str) -> None:
    assert checkout.call(script)[0] == 0
    assert checkout.installed() == [extras]
    started = time.monotonic()
    assert checkout.call(script)[::2] == (0, "")
    assert time.monotonic() - started < 1
    assert checkout.installed() == [extras]


@pytest.mark.parametrize(
    ("scripts", "extras"),
    [(("check", "test", "run"), ["[test,check]"]), (("run", "test", "check"), ["", "[test]", "[test,check]"])],
    ids=["more", "less"],
)
def test_what_is_there_already_is_not_installed_again(
    checkout: Checkout, scripts: Sequence[str], extras: list[str]
) -> None:
    assert [checkout.call(script)[0] for script in scripts] == [0, 0, 0]
    assert checkout.installed() == extras
    assert sum("-m venv" in line for line in checkout.log) == 1


def test_a_changed_pyproject_is_installed_again(checkout: Checkout) -> None:
    checkout.call("test")
    with (checkout.root / "pyproject.toml").open("a") as file:
        file.write("# one more line\n")
    checkout.call("test")
    assert checkout.installed() == ["[test]", "[test]"]


def test_a_checkout_that_moved_is_set_up_anew(checkout: Checkout) -> None:
    checkout.call("run")
    checkout.root = checkout.root.rename(checkout.root.with_name("elsewhere"))
    status, _, err = checkout.call("run")
    assert status == 0
    assert f"setting up {checkout.root}/.venv" in err
    assert checkout.installed() == [""]


def test_a_python_that_went_away_is_replaced(checkout: Checkout) -> None:
    checkout.call("run")
    (checkout.root / ".venv/bin/python").unlink()
    assert checkout.call("run")[0] == 0
    assert sum("-m venv" in line for line in checkout.log) == 2


@pytest.mark.parametrize("broken", ["python3.13", "python3.14", "python3"])
def test_an_old_python_or_a_broken_shim_is_passed_over(checkout: Checkout, broken: str) -> None:
    for name in ("python3.13", "python3.14", "python3", "python", "uv"):
        path = tool(checkout.fakes / "bin" / name, "#!/bin/sh\necho 'not here' >&2; exit 127\n")
        if name == broken:
            tool(path)
            Path(f"{path}.broken").write_text("1")
    own = tool(checkout.fakes / "pyenv/versions/3.13.7/bin/python3.13")
    status, _, err = checkout.call("run")
    assert status == 0
    assert str(own) in err


def test_a_python_that_uv_knows_is_taken(checkout: Checkout) -> None:
    for name in ("python3.13", "python3.14", "python3", "python"):
        tool(checkout.fakes / "bin" / name, "#!/bin/sh\nexit 127\n")
    own = tool(checkout.fakes / "uv's python")
    tool(checkout.fakes / "bin/uv", f'#!/bin/sh\n[ "$1 $2" = "python find" ] && echo "{own}"\n')
    status, _, err = checkout.call("run")
    assert status == 0
    assert str(own) in err


def test_without_a_python_it_says_what_to_install(checkout: Checkout) -> None:
    """The machine's own Pythons cannot be taken away, so here none of them will do."""
    script = ". scripts/venv.sh; new_enough() { false; }; need test; echo set up"
    tool(checkout.root / "scripts/none", f"#!/bin/sh\n{script}\n")
    status, out, err = checkout.call("none")
    assert (status, out) == (1, "")
    assert "Python 3.13 or later" in err
    assert not (checkout.root / ".venv/.lock").exists()


def test_a_failed_installation_shows_why_and_is_tried_again(checkout: Checkout) -> None:
    wrong = checkout.fail("pip install")
    for _ in range(2):
        status, _, err = checkout.call("test")
        assert status == 1
        assert "no luck" in err
        assert "could not install" in err
    wrong.unlink()
    assert checkout.call("test")[0] == 0
    assert len(checkout.installed()) == 3


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_set_up_begins_anew(checkout: Checkout, how: signal.Signals) -> None:
    hang = checkout.fakes / "hang"
    os.mkfifo(hang)
    first = checkout.start("test")
    end = opened(hang)
    os.killpg(first.pid, how)
    first.communicate(timeout=20)
    assert first.returncode != 0
    os.close(end)
    hang.unlink()
    status, _, err = checkout.call("test")
    assert (status, "setting up" in err) == (0, True)
    assert checkout.installed() == ["[test]"]


@pytest.mark.parametrize("scripts", [("test", "test", "test"), ("check", "run", "test")], ids=" ".join)
def test_several_at_once_wait_for_one_set_up(checkout: Checkout, scripts: Sequence[str]) -> None:
    (checkout.fakes / "slow").touch()
    first = checkout.start(scripts[0])
    until((checkout.root / ".venv/.unfinished").exists)
    rest = [checkout.start(script) for script in scripts[1:]]
    for process in (first, *rest):
        process.communicate(timeout=60)
    assert [process.returncode for process in (first, *rest)] == [0] * len(scripts)
    assert len(checkout.installed()) == 1
    assert not (checkout.root / ".venv/.lock").exists()


def test_run_starts_the_proxy_where_it_was_called_and_leaves_with_its_status(
    checkout: Checkout, tmp_path: Path
) -> None:
    """A qwenproxy.toml lies in the caller's folder, not in the checkout."""
    status, out, _ = checkout.call("run", "--set", "a=b c", cwd=tmp_path, SAY="here")
    assert (status, checkout.log[-1]) == (0, "qwenproxy run --set a=b c")
    assert out.splitlines()[-1] == f"here from {tmp_path}"
    checkout.fail("a=b c", 2)
    assert checkout.call("run", "--set", "a=b c")[0] == 2


PLAIN = (
    "python -m pytest -m not clients and not browser and not netns and not services and not chaos and not soak"
    " --numprocesses=auto --maxprocesses=4 --dist=worksteal"
)

PAIRED = "--numprocesses=auto --maxprocesses=2 --dist=loadfile"


@pytest.mark.parametrize(
    ("arguments", "calls"),
    [
        ((), [PLAIN]),
        (("-k", "a b", "tests/x.py"), [f"{PLAIN} -k a b tests/x.py"]),
        (("--clients",), [PLAIN, f"python -m pytest -m clients and not heavy -rs {PAIRED}"]),
        (("--all-clients", "--clients"), [PLAIN, f"python -m pytest -m clients -rs {PAIRED}"]),
        (("--netns", "--browser"), [PLAIN, "python -m pytest -m browser -rs", "python -m pytest -m netns -rs"]),
        (("--services",), [PLAIN, "python -m pytest -m services and not chaos -rs --numprocesses=4 --dist=loadfile"]),
        (("--soak", "--chaos"), [PLAIN, "python -m pytest -m chaos -rs", "python -m pytest -m soak -rs"]),
        (
            ("-x", "--clients", "-q"),
            [f"{PLAIN} -x -q", f"python -m pytest -m clients and not heavy -rs {PAIRED} -x -q"],
        ),
        (("--fuzz", "0", "-q"), [f"{PLAIN} -q", "python -m pytest -m hypothesis --timeout=1800 -q"]),
        (("--fuzz=0",), [PLAIN, "python -m pytest -m hypothesis --timeout=1800"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_test_runs_the_groups_that_were_asked_for(
    checkout: Checkout, arguments: tuple[str, ...], calls: list[str]
) -> None:
    status, out, _ = checkout.call("test", *arguments)
    assert (status, [line for line in checkout.log if "-m pytest" in line]) == (0, calls)
    for name in ("clients", "browser", "netns", "services", "chaos", "soak", "fuzz"):
        assert (f"== {name}: skipped" in out) == (not any(name in argument for argument in arguments))


def test_what_the_clients_tests_find_is_written_into_the_readme_if_asked_for(checkout: Checkout) -> None:
    assert checkout.call("test", "--clients", "--write-table")[0] == 0
    assert [line for line in checkout.log if "readme" in line] == ["python -m scripts.readme"]
    assert checkout.log[-1] == "python -m scripts.readme"


@pytest.mark.parametrize("minutes", ["", "ten", "-1", "1.5"])
def test_a_wrong_number_of_minutes_is_refused(checkout: Checkout, minutes: str) -> None:
    status, _, err = checkout.call("test", "--fuzz", minutes)
    assert (status, checkout.log) == (2, [])
    assert "--fuzz" in err


@pytest.mark.parametrize(
    ("failing", "status"),
    [
        ({"not clients": 1}, 1),
        ({"-m clients": 1}, 1),
        ({"not clients": 5}, 0),
        ({"-m clients": 5}, 0),
        ({"not clients": 5, "-m clients": 5}, 5),
        ({"hypothesis": 1}, 1),
    ],
    ids=str,
)
def test_test_fails_if_a_group_does_but_not_for_an_empty_one(
    checkout: Checkout, failing: dict[str, int], status: int
) -> None:
    for call, wrong in failing.items():
        checkout.fail(call, wrong)
    fuzz = ("--fuzz", "0") if "hypothesis" in failing else ()
    assert checkout.call("test", "--clients", *fuzz)[0] == status


CHECKS = ["ruff format --check", "ruff check", "mypy", "python -m scripts.audit"]


@pytest.mark.parametrize("failing", CHECKS)
def test_check_runs_all_and_fails_if_one_does(checkout: Checkout, failing: str) -> None:
    assert checkout.call("check")[0] == 0
    name, _, arguments = failing.partition(" ")
    tool(checkout.root / ".venv/bin" / name, FAKE.replace("exit 0", f'[ "$*" != "{arguments}" ]'))
    assert checkout.call("check")[0] == 1
    assert [line.strip() for line in checkout.log[-4:]] == CHECKS
