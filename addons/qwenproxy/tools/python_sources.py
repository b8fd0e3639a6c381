"""Tools from Python files and entry points."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from qwenproxy.tools import names
from qwenproxy.tools.functions import MARK, declared, from_function
from qwenproxy.tools.tool import Tool

GROUP = "qwenproxy.tools"


def is_file(source: str) -> bool:
    """Whether *source* is a file rather than an entry point."""
    return source.endswith(".py")


def space(source: str) -> str:
    """The first part of the names of what *source* brings: the file's own name, or the entry point's."""
    return names.namespace(Path(source).stem if is_file(source) else source)


def load(source: str) -> list[Tool]:
    """The tools of *source*, a file or the name of an entry point, at least one.  Raises ValueError, which names it."""
    holder = from_file(Path(source)) if is_file(source) else from_entry_point(source)
    if callable(holder) and hasattr(holder, MARK):
        return [from_function(space(source), holder, source)]
    found = list(declared(space(source), holder, source))
    if not found:
        raise ValueError(f"{source}: no function in it has the decorator `@tool` of qwenproxy.tools")
    return found


def from_file(path: Path) -> ModuleType:
    """The file as a module, read anew.  Raises ValueError."""
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    name = f"qwenproxy_tools_of_{space(path.name)}"
    module = ModuleType(name)
    module.__file__ = str(path)
    before = sys.modules.get(name)
    sys.modules[name] = module  # annotations and pickles look there
    try:
        exec(compile(path.read_bytes(), path, "exec"), vars(module))
    except (Exception, SystemExit) as error:  # foreign code: whatever it raises, it is the file that is to blame
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise ValueError(f"{path}: {type(error).__name__}: {error}") from None
    return module


def from_entry_point(name: str) -> Any:
    """What the entry point *name* leads to: a module, or a function.  Raises ValueError."""
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        known = ", ".join(sorted(entry_points(group=GROUP).names)) or "there are none"
        raise ValueError(f"{name}: no such entry point in the group {GROUP} ({known}), and no Python file")
    if len(found) > 1:
        raise ValueError(f"{name}: {len(found)} packages have an entry point of this name in the group {GROUP}")
    try:
        return found[0].load()
    except (Exception, SystemExit) as error:  # foreign code, as above
        raise ValueError(f"{name}: {found[0].value}: {type(error).__name__}: {error}") from None
