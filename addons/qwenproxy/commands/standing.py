"""What calls would be signed in with now: read from files and settings, as the proxy itself would."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from qwenproxy import service
from qwenproxy.auth import files, keys
from qwenproxy.auth.base import LoginStore, Stored
from qwenproxy.auth.credentials import ApiKey, NoCredential
from qwenproxy.auth.lock import STALE_AFTER
from qwenproxy.auth.oauth import OAuth
from qwenproxy.auth.store import Store
from qwenproxy.commands import configured
from qwenproxy.lines import Line
from qwenproxy.plans import PORTAL
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.shared import place
from qwenproxy.wire.oauth import Json

FREE_TIER = (
    "The free tier behind this login ended on 2026-04-15: it can be fresh, and calls be refused all the same.  "
    "Only a call tells; what works is an API key."
)

type Kind = Literal["oauth", "api_key", "none"]


@dataclass(slots=True)
class Standing:
    """One credential.  Times are in seconds since 1970."""

    kind: Kind
    state: str
    is_usable: bool
    source: str
    """Where it is from: a file, or a setting's place; never the credential itself."""
    upstream: str
    plan: str
    has_file: bool = False
    access_token: bool = False
    refresh_token: bool = False
    expires_at: float | None = None
    written_at: float | None = None
    """When the file was last written: by a login or a refresh."""
    error: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """All credentials, in the order in which calls use them, and what the user should hear besides."""

    standings: list[Standing]
    notes: list[str]

    @property
    def is_usable(self) -> bool:
        return any(standing.is_usable for standing in self.standings)

    def as_json(self, now: float) -> Json:
        """For programs: points in time as epoch seconds, and in words of ISO 8601."""
        return {
            "usable": self.is_usable,
            "credentials": [_json(standing, now) for standing in self.standings],
            "notes": self.notes,
        }


def _json(standing: Standing, now: float) -> Json:
    found: dict[str, Any] = asdict(standing)
    found["usable"] = found.pop("is_usable")
    del found["has_file"]
    for name in ("expires", "written"):
        at = found.pop(f"{name}_at")
        found[f"{name}_at"] = None if at is None else round(at)
        found[name] = None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    found["expires_in"] = None if standing.expires_at is None else round(standing.expires_at - now)
    return found


async def report(settings: Settings, environ: Mapping[str, str], now: float) -> Report:
    """How things are.  Raises ValueError for settings that do not go together."""
    shared = place.shared(settings)
    with configured.heard() as notes:
        found = service.service(settings, environ)
        store = service.login_store(settings, environ, shared) if has_login(found) else None
        places = iter([key.source for key in keys.find(settings, environ)])  # in the order of their lines
        standings = [await _standing(line, places, store, now) for line in found.lines]
    said = {standing.error for standing in standings}
    return Report(standings, [note for note in [*notes, *service.complaints(found)] if note not in said])


def has_login(found: Service) -> bool:
    return any(isinstance(line.credential, OAuth) for line in found.lines)


async def _standing(line: Line, places: Iterator[str], store: LoginStore | None, now: float) -> Standing:
    """One line; *places* says where the next key is from."""
    credential, upstream, plan = line.credential, line.upstream.base_url, line.plan.name
    if isinstance(credential, ApiKey):
        return Standing("api_key", "there is a key", True, next(places), upstream, plan)
    if isinstance(credential, NoCredential):
        return Standing("none", "the upstream wants none", True, "", upstream, plan)
    if not isinstance(credential, OAuth) or store is None:
        return Standing("none", "there is no key and no login", False, "", upstream, plan)
    await credential.look()
    found = await _login(line, store, now)
    if isinstance(store, Store):
        found.notes += [*_lock(store, now), *_modes(store.path)]
    if found.has_file and line.plan.name == PORTAL.name:
        found.notes.append(FREE_TIER)
    return found


async def _login(line: Line, store: LoginStore, now: float) -> Standing:
    """The login where it is kept."""
    found = Standing("oauth", "", False, store.place, line.upstream.base_url, line.plan.name)
    try:
        stored = await store.read()
    except OSError as e:
        found.state, found.has_file = f"{kept(store)} cannot be read", True
        found.error = f"{store.place} cannot be read: {e.strerror or str(e) or 'it took too long'}"
        return found
    if stored.stamp is None:
        found.state, found.error = "nobody is signed in", stored.fault
        found.notes.append("`qwenproxy login` signs in.")
        return found
    found.has_file, found.written_at = True, stored.stamp.written_at
    if stored.token is None:
        found.state = f"{kept(store)} cannot be used"
    _judge(found, stored, now)
    return found


def kept(store: LoginStore) -> str:
    """What the login lies in."""
    return "its file" if isinstance(store, Store) else "the shared state"


def _judge(found: Standing, stored: Stored, now: float) -> None:
    """What the token that is kept is good for."""
    token = stored.token
    if token is None:
        found.error = stored.fault
        found.notes.append("`qwenproxy login` signs in anew, over it.")
        return
    found.access_token, found.refresh_token = True, bool(token.refresh_token)
    found.expires_at = token.expires_at
    if token.is_fresh(now):
        found.state, found.is_usable = "signed in", True
    elif token.refresh_token:
        found.state, found.is_usable = "has run out; the next call renews it", True
    else:
        found.state = "has run out, and cannot be renewed"
        found.notes.append("`qwenproxy login` signs in anew.")


def _lock(store: Store, now: float) -> list[str]:
    """What there is to say about the lock that goes with the file."""
    path = store.lock().path
    try:
        stamp = files.stamp(path)
    except OSError:
        return []
    if stamp is None:
        return []
    if now - stamp.written_at > STALE_AFTER:
        return [f"{path} was left behind by a program that is gone: whoever comes next takes it over."]
    return [f"{path} is held: another program is renewing the login at this moment."]


def _modes(path: Path) -> list[str]:
    """Warnings about a file that others can read, or a folder that they can write to."""
    warnings = []
    try:
        file, folder = path.stat().st_mode, path.parent.stat().st_mode
    except OSError:
        return []
    if os.name != "posix":
        return []
    if file & (stat.S_IRWXG | stat.S_IRWXO):
        warnings.append(f"{path} is open to other users of this machine: chmod 600 {path}")
    if folder & (stat.S_IWGRP | stat.S_IWOTH):
        warnings.append(f"{path.parent} can be changed by other users of this machine: chmod 700 {path.parent}")
    return warnings
