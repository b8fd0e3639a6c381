"""The tools that a Responses request offers -> function tools, and back from a function's name to the tool.

Custom tools, those in namespaces and those that the app itself carries out (shells, patches, a search for tools) become
functions.  What OpenAI's own servers would carry out is hosted by nobody here: it is dropped, or refused.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from qwenproxy.endpoints import tools as chat_tools
from qwenproxy.endpoints.responses.draft import Draft
from qwenproxy.errors import INVALID_VALUE, UNSUPPORTED_TOOL, ProxyError
from qwenproxy.wire.openai import Json

LONGEST = 64
"""Characters of a function's name."""
UNFIT = re.compile(r"[^A-Za-z0-9_-]")
TOP = "functions"
"""The namespace that is none."""


class Form(NamedTuple):
    """What stands behind a function: the kind of tool, and its name as the app knows it."""

    kind: str
    name: str
    namespace: str | None = None


class Offered(NamedTuple):
    """One tool of a request, and where it is there."""

    at: str
    tool: Json
    namespace: str | None = None


class Toolbox:
    """The functions that a request offers.  `functions`: as chat tools; `forms`: what stands behind each, by name."""

    def __init__(self) -> None:
        self.functions: dict[str, Json] = {}
        self.forms: dict[str, Form] = {}
        self.searches = False
        """The web is to be searched."""

    def add(self, lists: Sequence[tuple[str, Sequence[Json]]], draft: Draft) -> None:
        """Take the tools of *lists*, each with its place in the request.

        Raises ProxyError for names that cannot be told apart, and for hosted tools if they are refused.
        """
        offered = [one for at, tools in lists for one in flat(tools, at)]
        for one in sorted(offered, key=lambda one: one.tool["type"] not in NAMED):  # so that the app's names stay
            MAKERS.get(one.tool["type"], _hosted)(self, one, draft)

    def name_of(self, form: Form) -> str:
        """The function that stands for *form*, or would if it were still offered."""
        return next((name for name, known in self.forms.items() if known == form), flat_name(form))

    def find(self, kind: str, name: str) -> str | None:
        """The function that an app means by the *name* of a tool of this *kind*: with its namespace, or without."""
        fits = [found for found, form in self.forms.items() if form.kind == kind and name in (form.name, found)]
        return fits[0] if fits else None

    def put(self, one: Offered, form: Form, function: Json) -> None:
        """Offer *function* for *form*; a tool that is offered once more counts as it is told last."""
        name = function["name"]
        known = self.forms.get(name)
        if known is not None and (known != form or one.at.startswith("tools[")):
            message = f"'{one.at}' is called '{name}' like another tool; names must be unique."
            raise ProxyError(INVALID_VALUE, message, param=f"{one.at}.name")
        self.forms[name] = form
        self.functions[name] = chat_tools.function_tool({"type": "function", "function": function})

    def put_own(self, one: Offered, kind: str, definition: Json) -> None:
        """Offer a function of this proxy's making, under a name that is free."""
        form = Form(kind, kind)
        name = kind
        while self.forms.get(name, form) != form:
            name += "_"
        self.forms.pop(name, None)
        self.put(one, form, definition | {"name": name})


def flat(tools: Sequence[Json], at: str) -> Iterator[Offered]:
    """Every tool of *tools*, those in namespaces too."""
    for place, tool in enumerate(tools):
        here = f"{at}[{place}]"
        if tool["type"] == "namespace":
            for one in flat(tool["tools"], f"{here}.tools"):
                yield one._replace(namespace=tool["name"])
        else:
            yield Offered(here, tool)


def flat_name(form: Form) -> str:
    """The name of the function for *form*: one that chat models take, the same each time."""
    whole = form.name if form.namespace is None else f"{form.namespace}__{form.name}"
    fit = UNFIT.sub("_", whole)
    if fit == whole and len(fit) <= LONGEST:
        return fit
    tail = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{fit[: LONGEST - 9]}_{tail}"


def form_of(kind: str, tool: Json, namespace: str | None) -> Form:
    """What stands behind a tool or a call, which both have a `name`."""
    return Form(kind, tool["name"], None if namespace in (TOP, "") else namespace)


def _function(toolbox: Toolbox, one: Offered, draft: Draft) -> None:
    tool = one.tool["function"] if isinstance(one.tool.get("function"), dict) else one.tool
    form = form_of("function", tool, one.namespace)
    kept = {field: tool[field] for field in ("description", "parameters", "strict") if tool.get(field) is not None}
    toolbox.put(one, form, {"name": flat_name(form)} | kept)


def _custom(toolbox: Toolbox, one: Offered, draft: Draft) -> None:
    form = form_of("custom", one.tool, one.namespace)
    shape = one.tool.get("format") or {}
    grammar = {"format": {"grammar": shape}} if shape.get("definition") and shape.get("syntax") else {}
    custom = {"name": flat_name(form), "description": one.tool.get("description")} | grammar
    toolbox.put(one, form, chat_tools.function_of(custom))


def _tool_search(toolbox: Toolbox, one: Offered, draft: Draft) -> None:
    if one.tool.get("execution") != "client":
        _hosted(toolbox, one, draft)
        return
    definition = dict(OWN["tool_search"])
    definition |= {name: one.tool[name] for name in ("description", "parameters") if one.tool.get(name)}
    toolbox.put_own(one, "tool_search", definition)


def _shell(toolbox: Toolbox, one: Offered, draft: Draft) -> None:
    where = one.tool.get("environment")
    if isinstance(where, dict) and where.get("type") != "local":
        _hosted(toolbox, one, draft)
        return
    toolbox.put_own(one, "shell", OWN["shell"])


def _own(toolbox: Toolbox, one: Offered, draft: Draft) -> None:
    toolbox.put_own(one, one.tool["type"], OWN[one.tool["type"]])


def _search(toolbox: Toolbox, one: Offered, draft: Draft) -> None:
    toolbox.searches = True


def _hosted(toolbox: Toolbox, one: Offered, draft: Draft) -> None:
    kind = one.tool["type"]
    why = f"nobody here carries out '{UNFIT.sub('_', kind)[:LONGEST]}' for the model; offer functions of your own"
    draft.drop(f"tools.{UNFIT.sub('_', kind)[:LONGEST]}", f"{one.at}.type", why, UNSUPPORTED_TOOL)


NAMED = frozenset({"function", "custom"})
"""The kinds of tools that the app names itself."""

MAKERS: Mapping[str, Callable[[Toolbox, Offered, Draft], None]] = {
    "function": _function,
    "custom": _custom,
    "local_shell": _own,
    "shell": _shell,
    "apply_patch": _own,
    "tool_search": _tool_search,
    "web_search": _search,
    "web_search_2025_08_26": _search,
    "web_search_preview": _search,
    "web_search_preview_2025_03_11": _search,
}
"""What becomes of each kind of tool; of any other: it is hosted."""

NUMBER: Json = {"type": "integer"}
STRING: Json = {"type": "string"}
STRINGS: Json = {"type": "array", "items": STRING}

OWN: Mapping[str, Json] = {
    "local_shell": {
        "description": "Runs a program on the user's machine; its output comes back.",
        "parameters": {
            "type": "object",
            "properties": {
                "command": STRINGS | {"description": "The program and its arguments."},
                "working_directory": STRING,
                "timeout_ms": NUMBER,
            },
            "required": ["command"],
        },
    },
    "shell": {
        "description": "Runs shell commands on the user's machine; their output comes back.",
        "parameters": {
            "type": "object",
            "properties": {
                "commands": STRINGS | {"description": "The command lines, which run one by one."},
                "timeout_ms": NUMBER,
                "max_output_length": NUMBER,
            },
            "required": ["commands"],
        },
    },
    "apply_patch": {
        "description": "Creates, changes or deletes one file.",
        "parameters": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                "path": STRING,
                "diff": STRING
                | {
                    "description": "Not to delete. Lines that begin with + are added, with - removed, with a space "
                    "kept; @@ and a line of context show the place. To create a file, all its lines begin with +."
                },
            },
            "required": ["type", "path"],
        },
    },
    "tool_search": {
        "description": "Finds further tools by what they do.",
        "parameters": {"type": "object", "properties": {"query": STRING}, "required": ["query"]},
    },
}
"""The functions that stand for tools which the app carries out, but whose shape only OpenAI's models know."""
