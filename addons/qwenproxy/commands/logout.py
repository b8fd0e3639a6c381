"""`qwenproxy logout`: forget the OAuth login that is kept on this machine."""

import argparse
import asyncio
import sys

from qwenproxy import service
from qwenproxy.auth import keys
from qwenproxy.auth.base import Locked, LockLost, LoginStore
from qwenproxy.auth.store import Store
from qwenproxy.commands import configured
from qwenproxy.commands.login import reason
from qwenproxy.commands.screen import Screen
from qwenproxy.shared import place

HELP = "forget the OAuth login"


def arguments(parser: argparse.ArgumentParser) -> None:
    configured.arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Sign out: 0, also if nobody was signed in; 1 if it did not work; 2 if the settings are wrong."""
    try:
        settings, environ = configured.load(arguments)
    except ValueError as e:
        configured.complain("logout", str(e))
        return 2
    screen = Screen(sys.stdout, environ)
    try:
        store = service.login_store(settings, environ, place.shared(settings))
    except ValueError as e:
        configured.complain("logout", str(e))
        return 2
    try:
        removed = asyncio.run(remove(store, screen))
    except (Locked, LockLost) as e:
        configured.complain("logout", f"not signed out: {e}; if there is no such program, remove that file")
        return 1
    except OSError as e:
        configured.complain("logout", f"not signed out: {store.place}: {reason(e)}")
        return 1
    except KeyboardInterrupt:
        configured.complain("logout", f"interrupted: `qwenproxy status` tells whether {store.place} is still there")
        return 130
    screen.line(said(store, removed))
    if removed:
        screen.paragraph("The tokens that were in it run out by themselves: the server knows no way to end them.")
    if settings.auth in ("auto", "api_key"):
        for key in keys.find(settings, environ):
            screen.paragraph(f"The key from {key.source} is still used.")
    return 0


def said(store: LoginStore, removed: bool) -> str:
    """How it ended."""
    if isinstance(store, Store):
        return f"Signed out: {store.path} is removed." if removed else f"Nobody is signed in: there is no {store.path}."
    return f"Signed out on all machines of {store.place}." if removed else f"Nobody is signed in at {store.place}."


async def remove(store: LoginStore, screen: Screen) -> bool:
    """Remove the file under its lock; whether there was one.  Raises Locked, LockLost, OSError."""
    if await store.stamp() is None:
        return False
    screen.status("Waiting for those who use the login ...", "cyan")
    try:
        async with store.lock() as lock:
            return await store.remove(lock)
    finally:
        screen.clear()
