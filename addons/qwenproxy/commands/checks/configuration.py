"""The settings: where they are from, and what is odd about them."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from qwenproxy import settings
from qwenproxy.auth import qwencode
from qwenproxy.commands.checks.findings import Finding, fail, ok, warn
from qwenproxy.settings import Settings, sources

NAME = "settings"


def wrong(error: ValueError) -> Finding:
    """Settings that cannot be read, or do not go together."""
    return fail(NAME, str(error), "Correct it there; nothing starts with it.  `qwenproxy doctor` again tells the next.")


def configuration(found: Settings, environ: Mapping[str, str], cwd: Path) -> Iterator[Finding]:
    """About settings that hold.  No value is shown: some are secret."""
    file = sources.settings_file(environ, cwd)
    yield ok(NAME, summary(found, file))
    for note in found.notes:
        yield warn(NAME, note, "Take out what you do not mean.")
    yield from open_files(found, file)


def summary(found: Settings, file: Path | None) -> str:
    """How many settings were given, and where."""
    count = Counter(_place(source, file) for source in found.sources.values())
    told = [f"{number} from {place}" for place, number in count.items()]
    if file is not None and str(file) not in count:
        told.append(f"none from {file}")
    without = "" if file is not None else f"; there is no {sources.FILE_NAME}"
    return f"{', '.join(told) or 'all by default'}{without}"


def _place(source: str, file: Path | None) -> str:
    return str(file) if file is not None and source.startswith(f"{file}: ") else "the environment"


def open_files(found: Settings, file: Path | None) -> Iterator[Finding]:
    """Warnings about files that hold a secret, and that others can read."""
    secrets = [name for name, row in settings.ROWS.items() if row.secret and getattr(found, name)]
    holds_one = any(found.sources.get(name, "").startswith(f"{file}: {name}") for name in secrets)
    files = [file] if file is not None and holds_one else []
    files += [Path(each) for each in (found.api_key_file, found.client_keys_file, found.state_keys_file) if each]
    for each in dict.fromkeys(files):
        if qwencode.is_open(each) and (told := narrowing(each)):
            yield warn(NAME, f"{each} holds a secret, and other users of this machine can read it", told)


def narrowing(file: Path) -> str:
    """How to keep others from reading *file*; "" if its owner, who is another user, has given it to our group only."""
    about = file.stat()
    if os.name != "posix" or about.st_uid == os.getuid():
        return f"chmod 600 {file}"
    if not about.st_mode & stat.S_IROTH:
        return ""
    return "It is another user's: let nobody in its folder, there where it is from, but who should read it."
