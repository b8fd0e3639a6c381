"""Which processes are there."""

import subprocess
import sys
from pathlib import Path

from qwenproxy.state.runners import Runners

HOLDER = """
import sys, time
from pathlib import Path
from qwenproxy.state.runners import Runners
runners = Runners(Path(sys.argv[1]))
runners.enter()
print(runners.name, flush=True)
time.sleep(60)
"""


def test_one_is_there_until_it_leaves(tmp_path: Path) -> None:
    here, other = Runners(tmp_path / "s"), Runners(tmp_path / "s")
    here.enter()
    assert here.alive(here.name)
    assert other.alive(here.name)
    here.leave()
    assert not other.alive(here.name)
    assert not list(tmp_path.iterdir())


def test_a_killed_process_is_gone_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "s")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        runners = Runners(tmp_path / "s")
        assert runners.alive(name)
        process.kill()
        process.wait()
        assert not runners.alive(name)
        assert not list(tmp_path.iterdir()), "its file is cleared away"


def test_whoever_comes_clears_away_what_the_dead_have_left(tmp_path: Path) -> None:
    (tmp_path / "s-runner-dead").touch()
    runners = Runners(tmp_path / "s")
    runners.enter()
    assert [each.name for each in tmp_path.iterdir()] == [f"s-runner-{runners.name}"]
    runners.leave()


def test_in_memory_there_is_nobody_else() -> None:
    runners = Runners(None)
    runners.enter()
    assert runners.alive(runners.name)
    assert not runners.alive("other")
    runners.leave()
