"""`qwenproxy login`: sign in to Qwen by OAuth, in a browser on any device."""

import argparse
import asyncio
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from qwenproxy import service
from qwenproxy.auth import device
from qwenproxy.auth.base import Locked, LockLost
from qwenproxy.auth.client import Client
from qwenproxy.auth.conversation import Invitation, SignInError
from qwenproxy.auth.store import Store
from qwenproxy.auth.token import Token
from qwenproxy.commands import configured, durations, qr
from qwenproxy.commands.progress import Progress, watched
from qwenproxy.commands.screen import Screen
from qwenproxy.settings import Settings
from qwenproxy.shared import place
from qwenproxy.wire.oauth import Server, TokenAnswer

HELP = "sign in to Qwen by OAuth, in a browser on this device or another"

FREE_TIER = (
    "The free tier behind this login ended on 2026-04-15.  That you could sign in proves nothing for the models: "
    "`qwenproxy status` shows what is kept, and a call tells whether it is answered."
)
TEXT_LINES = 6
"""Lines that are needed beside the QR code."""


class NotKept(Exception):
    """The login cannot be kept; the message says why."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-qr", action="store_true", help="no QR code of the link")
    configured.arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Sign in: 0; 1 if it did not work; 2 if the settings are wrong; 130 if interrupted."""
    try:
        settings, environ = configured.load(arguments)
    except ValueError as e:
        configured.complain("login", str(e))
        return 2
    try:
        attempt = Attempt(settings, environ, Screen(sys.stdout, environ), with_qr=not arguments.no_qr)
    except ValueError as e:
        configured.complain("login", str(e))
        return 2
    try:
        asyncio.run(attempt.carry_out())
    except (SignInError, NotKept) as e:
        configured.complain("login", f"not signed in: {e}")
        return 1
    except KeyboardInterrupt:
        late = "while the login was being kept: `qwenproxy status` tells whether it was"
        configured.complain(
            "login", f"interrupted {late}" if attempt.is_answered else "interrupted: nothing was changed"
        )
        return 130
    return 0


@dataclass
class Attempt:
    """One attempt to sign in, told on *screen*."""

    settings: Settings
    environ: Mapping[str, str]
    screen: Screen
    with_qr: bool
    is_answered: bool = False
    """Whether the server has given a token, which is to be kept."""

    def __post_init__(self) -> None:
        self.server = Server(self.settings.oauth_url, self.settings.oauth_client_id, self.settings.oauth_scope)
        self.store = service.login_store(self.settings, self.environ, place.shared(self.settings))

    async def carry_out(self) -> None:
        """From the link to the kept login.  Raises SignInError and NotKept."""
        await self._prepare()
        answer = await self._ask()
        self.is_answered = True
        token = Token.issued(answer, time.time())
        alone = await self.keep(token)
        await self._tell(token, alone)

    async def _prepare(self) -> None:
        """See to it that the login can be kept, before anybody opens a browser.  Raises NotKept."""
        where = self.store.place
        try:
            await self.store.prepare()
            there = (await self.store.read()).token
        except OSError as e:
            raise NotKept(f"{where} cannot be used: {reason(e)}") from e
        if isinstance(self.store, Store) and not os.access(self.store.path.parent, os.W_OK | os.X_OK):
            raise NotKept(f"{where} cannot be written: its folder belongs to somebody else")
        if there is not None:
            self.screen.paragraph(f"There is a login in {where} already; a new one takes its place.", style="dim")

    async def _ask(self) -> TokenAnswer:
        """Raises SignInError."""
        progress = Progress(self.screen)
        conversation = device.sign_in(self.server, secrets.token_urlsafe(32))

        def show(invitation: Invitation) -> None:
            self._invite(invitation)
            progress.begin(invitation.expires_in)

        async with progress.drawing():
            return await Client(self.server).carry_out(watched(self.server, conversation, progress.hear), show)

    def _invite(self, invitation: Invitation) -> None:
        """Show link and code; the QR code first, so that the link stays in sight."""
        screen = self.screen
        screen.line(f"Sign in to {self.server.host}: open this link and confirm the code there.", "bold")
        code: list[str] = []
        if self.with_qr and screen.draws_blocks:
            rows = screen.rows - TEXT_LINES
            code = qr.lines(invitation.link, screen.columns - 2, rows, colours=screen.has_colours)
        if len(code) + TEXT_LINES < screen.rows:
            screen.line()
        for line in code:
            screen.line(f"  {line}")
        if code:
            screen.line()
        screen.line(f"  {screen.styled(invitation.link, 'cyan')}")
        screen.line(f"  Code {screen.styled(invitation.user_code, 'bold')}")
        screen.line()

    async def keep(self, token: Token) -> bool:
        """Write the login to its file; whether that was done without the lock.  Raises NotKept."""
        self.screen.status(f"  Keeping the login in {self.store.place}", "cyan")
        try:
            try:
                async with self.store.lock(keeping=True) as lock:
                    await self.store.write(token, lock)
                return False
            except (Locked, LockLost):  # whoever holds it has an older login at best
                await self.store.write(token, None)
                return True
        except OSError as e:
            raise NotKept(f"{self.store.place} cannot be written: {reason(e)}") from e
        finally:
            self.screen.clear()

    async def _tell(self, token: Token, alone: bool) -> None:
        """Say how it ended, and what it is good for."""
        with configured.heard() as notes:
            uses = await self._uses()
        screen = self.screen
        screen.line(f"Signed in to {self.server.host}.", "green")
        screen.line(f"  kept in   {self.store.place}")
        screen.line(f"  good for  {uses[0]}")
        screen.line(f"  lasts     {durations.span(token.lifetime or 0.0)}, and is renewed by itself")
        if not token.refresh_token:
            notes.append("It came without a refresh token: when it has run out, sign in again.")
        if alone:
            lock = self.store.lock().path if isinstance(self.store, Store) else "The lock of the login"
            notes.append(f"{lock} was held by another program all the time: written without it.")
        screen.line()
        for note in [*uses[1:], *notes, FREE_TIER]:
            screen.paragraph(note)

    async def _uses(self) -> list[str]:
        """The API that the login is for, and what else is used, or used instead."""
        login = service.login(self.settings, self.environ, place.shared(self.settings))
        await login.look()
        lines = service.service(self.settings, self.environ).lines
        names = [line.credential.name for line in lines]
        if login.name not in names:
            return [login.base_url, f"As things are set, calls do not use it: they use {lines[0].name}."]
        if names[0] != login.name:
            return [login.base_url, f"Calls use {lines[0].name} first; the login is for when that is put aside."]
        return [login.base_url]


def reason(error: OSError) -> str:
    """What *error* says, in words."""
    return error.strerror or str(error) or "it took too long"
