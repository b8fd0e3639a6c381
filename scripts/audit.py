"""Whether a dependency has a known vulnerability: asks pip-audit when the packages have changed since the last time.

One that is found fails the check, unless pyproject.toml accepts it, by its id, with a reason:

    [tool.qwenproxy.audit]
    "GHSA-xxxx-xxxx-xxxx" = "only in ..., which the proxy never calls"

Where nobody answers about packages, that is said, and fails nothing.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
MARK = Path(sys.prefix) / ".audited"
PROBE = "pip"
"""Nobody who knows packages does not know this one."""
TIMEOUT = 600  # s for all packages

type Report = Mapping[str, Any]
"""pip-audit's, in JSON."""


class Verdict(NamedTuple):
    """What there is to say."""

    found: Sequence[str] = ()
    """What fails the check."""
    told: Sequence[str] = ()
    """What does not."""


def verdict(report: Report, accepted: Mapping[str, str]) -> Verdict:
    """What *report* comes to; *accepted*: reasons by the ids of vulnerabilities."""
    found, told, used = [], [], set()
    for package in report["dependencies"]:
        if "skip_reason" in package:
            told.append(f"not audited: {package['name']}: {package['skip_reason']}")
        for one in package.get("vulns", ()):
            names = {one["id"], *one.get("aliases", ())}
            line = f"{package['name']} {package['version']}: {one['id']}"
            if known := names & accepted.keys():
                used |= known
                told += [f"{line}, accepted: {accepted[name]}" for name in sorted(known)]
            else:
                fixed = ", ".join(one.get("fix_versions", ())) or "no version yet"
                found.append(f"{line} (fixed in: {fixed})")
    found += [f"{name} is accepted in pyproject.toml, and no package has it" for name in sorted(accepted.keys() - used)]
    return Verdict(found, told)


def answers(report: Report | None) -> bool:
    """Whether whoever was asked knows any package at all."""
    return report is not None and any("skip_reason" not in package for package in report["dependencies"])


def installed() -> Mapping[str, str]:
    """The versions of all packages here, by their names; our own is not one."""
    found = {dist.name.lower(): dist.version for dist in metadata.distributions()}
    return {name: found[name] for name in sorted(found.keys() - {"qwenproxy"})}


def state(packages: Mapping[str, str], accepted: Mapping[str, str], day: str) -> str:
    """What an audit was about: it need not be repeated for the same; *day*: when it could not be made."""
    return sha256(json.dumps([packages, dict(accepted), day]).encode()).hexdigest()


def ask(packages: Mapping[str, str]) -> Report | None:
    """pip-audit's report on *packages*; None if it could not get any."""
    listed = "".join(f"{name}=={version}\n" for name, version in packages.items())
    words = ["--requirement", "/dev/stdin", "--no-deps", "--disable-pip", "--format", "json"]
    words += ["--progress-spinner", "off", "--desc", "off"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *words], input=listed, capture_output=True, text=True, timeout=TIMEOUT
        )
        report: Report = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return report


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Audit what is installed; 1 if there is something to do about it."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    accepted: Mapping[str, str] = config["tool"].get("qwenproxy", {}).get("audit", {})
    packages = installed()
    today = datetime.now(UTC).date().isoformat()
    done, tried = state(packages, accepted, ""), state(packages, accepted, today)
    mark = MARK.read_text(encoding="utf-8") if MARK.exists() else ""
    if mark == done:
        say("the same packages as at the last audit, which found nothing")
        return 0
    if mark == tried or not answers(ask({PROBE: packages[PROBE]})):
        say("NOT AUDITED: nobody could be asked about known vulnerabilities (PyPI's JSON API); tried once a day")
        MARK.write_text(tried, encoding="utf-8")
        return 0
    report = ask(packages)
    if report is None or not answers(report):
        say("NOT AUDITED: the audit broke off")
        return 0
    found, told = verdict(report, accepted)
    for line in [*told, *found]:
        say(line)
    if not found:
        MARK.write_text(done, encoding="utf-8")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
