"""Breaks a function of the package for the next call, as a request asks for: `x-sabotage: MODULE:NAME FAULT`."""

import asyncio
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any, NoReturn

from mitmproxy import http


class Odd(BaseException):
    """What no handler of exceptions expects."""


def fail(error: BaseException) -> NoReturn:
    raise error


async def hang() -> None:
    await asyncio.Event().wait()


FAULTS: dict[str, Callable[[], Any]] = {
    "raise": lambda: fail(RuntimeError("a bug")),
    "cancel": lambda: fail(asyncio.CancelledError()),
    "odd": lambda: fail(Odd()),
    "exit": lambda: fail(SystemExit(3)),
    "hang": hang,
}


def sabotage(place: str, fault: str) -> None:
    module, _, path = place.partition(":")
    *outer, name = path.split(".")
    owner = reduce(getattr, outer, import_module(module))
    real = getattr(owner, name)

    def sync(*args: Any, **kwargs: Any) -> Any:
        setattr(owner, name, real)
        return FAULTS[fault]()

    async def bent(*args: Any, **kwargs: Any) -> Any:
        result = sync()
        return await result if fault == "hang" else result

    setattr(owner, name, bent if iscoroutinefunction(real) else sync)


class Saboteur:
    """Comes before the request is answered."""

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        place, _, fault = flow.request.headers.get("x-sabotage", "").partition(" ")
        if place:
            sabotage(place, fault)


addons = [Saboteur()]
