"""Another program that shares the credentials file, as Qwen Code does: the lock protocol with nothing but the standard
library, and nothing of ours.

    python qwen_code_lock.py hold FOLDER SECONDS     say "locked", hold the lock, say "released"
    python qwen_code_lock.py count FOLDER TIMES      under the lock: read a number, wait a moment, write it plus one
    python qwen_code_lock.py renew FOLDER SECONDS    say "locked", wait, and write another token under the lock
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    lock, mine = folder / "oauth_creds.lock", str(uuid.uuid4())
    pause = 0.1
    for _ in range(20):
        try:
            with lock.open("x") as file:
                file.write(mine)
            break
        except FileExistsError:
            pass
        try:
            if (time.time() - lock.stat().st_mtime) * 1000 > 10_000:
                aside = folder / f"oauth_creds.lock.stale.{uuid.uuid4()}"
                lock.rename(aside)
                aside.unlink()
                continue
        except FileNotFoundError:
            continue
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)
    else:
        raise SystemExit("lock timeout")
    try:
        yield
    finally:
        lock.unlink()


def hold(folder: Path, seconds: float) -> None:
    with locked(folder):
        say("locked")
        time.sleep(seconds)
    say("released")


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def count(folder: Path, times: int) -> None:
    number = folder / "number"
    for _ in range(times):
        with locked(folder):
            before = int(number.read_text())
            time.sleep(0.005)
            number.write_text(str(before + 1))


def renew(folder: Path, seconds: float) -> None:
    with locked(folder):
        say("locked")
        time.sleep(seconds)
        path = folder / "oauth_creds.json"
        found = json.loads(path.read_text())
        found |= {"access_token": "at-theirs", "refresh_token": "rt-theirs", "expiry_date": (time.time() + 3600) * 1000}
        aside = folder / f"oauth_creds.json.tmp.{uuid.uuid4()}"
        with os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(found, file, indent=2)
        aside.rename(path)


if __name__ == "__main__":
    command, where, *rest = sys.argv[1:]
    if command == "hold":
        hold(Path(where), float(rest[0]))
    elif command == "count":
        count(Path(where), int(rest[0]))
    else:
        renew(Path(where), float(rest[0]))
