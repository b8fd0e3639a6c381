"""Where settings are written, and which place wins."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from qwenproxy.settings import sources
from qwenproxy.settings.sources import Rank

NAMES = ("upstream", "api_key", "hosts")
SHARED = {"DASHSCOPE_API_KEY": "api_key", "BAILIAN_API_KEY": "api_key"}


def given(cwd: Path, environ: Mapping[str, str], options: Mapping[str, object] | None = None) -> list[sources.Given]:
    return list(sources.given(environ, cwd, options or {}, NAMES, SHARED))


def test_nothing_is_given_by_nothing(tmp_path: Path) -> None:
    assert given(tmp_path, {"HOME": str(tmp_path), "PATH": "/bin"}) == []


def test_the_weakest_comes_first_and_each_names_its_place(tmp_path: Path) -> None:
    file = tmp_path / "qwenproxy.toml"
    file.write_text('upstream = "file"\n')
    environ = {"DASHSCOPE_API_KEY": "1", "BAILIAN_API_KEY": "2", "QWENPROXY_UPSTREAM": "variable"}
    assert [entry[:4] for entry in given(tmp_path, environ, {"upstream": "option"})] == [
        ("upstream", "file", f"{file}: upstream", Rank.FILE),
        ("api_key", "2", "BAILIAN_API_KEY", Rank.SHARED),
        ("api_key", "1", "DASHSCOPE_API_KEY", Rank.SHARED),
        ("upstream", "variable", "QWENPROXY_UPSTREAM", Rank.ENVIRONMENT),
        ("upstream", "option", "option qwen_upstream", Rank.OPTION),
    ]
    assert list(Rank) == sorted(Rank)


def test_an_empty_variable_is_one_that_was_not_set(tmp_path: Path) -> None:
    environ = {"QWENPROXY_UPSTREAM": "", "DASHSCOPE_API_KEY": " ", "QWENPROXY_CONFIG": "", "HOME": str(tmp_path)}
    assert given(tmp_path, environ) == []


LINKS = {
    "SERVICE_HOST": "10.0.0.1",
    "SERVICE_PORT": "80",
    "SERVICE_PORT_HTTP": "80",
    "PORT": "tcp://10.0.0.1:80",
    "PORT_80_TCP": "tcp://10.0.0.1:80",
    "PORT_80_TCP_ADDR": "10.0.0.1",
    "PORT_80_TCP_PORT": "80",
    "PORT_80_TCP_PROTO": "tcp",
}
"""What the container of a Pod is told of a Service that is called `qwenproxy` (Kubernetes, Service: environment)."""


def test_what_kubernetes_tells_of_a_service_is_no_setting(tmp_path: Path) -> None:
    links = {f"QWENPROXY_{name}": value for name, value in LINKS.items()}
    assert given(tmp_path, {"HOME": str(tmp_path)} | links) == []
    with pytest.raises(ValueError, match="QWENPROXY_PORT: no such setting"):
        given(tmp_path, {"HOME": str(tmp_path), "QWENPROXY_PORT": "8080"})


def test_an_option_that_is_a_list_is_joined(tmp_path: Path) -> None:
    """So that `--set qwen_hosts=a,b` and `--set qwen_hosts=a --set qwen_hosts=b` are the same."""
    found = given(tmp_path, {"HOME": str(tmp_path)}, {"hosts": ["a,b", "c"]})
    assert [entry.raw for entry in found] == ["a,b,c"]


@pytest.mark.parametrize(
    ("environ", "options", "complaint"),
    [
        ({"QWENPROXY_UPSTRAEM": "x"}, {}, "QWENPROXY_UPSTRAEM: no such setting; the nearest is QWENPROXY_UPSTREAM"),
        ({"QWENPROXY_CONFI": "x"}, {}, "QWENPROXY_CONFI: no such setting; the nearest is QWENPROXY_CONFIG"),
        ({"QWENPROXY_upstream": "x"}, {}, "QWENPROXY_upstream: no such setting; the nearest is QWENPROXY_"),
        ({}, {"host": "x"}, "option qwen_host: no such setting; the nearest is qwen_hosts"),
    ],
    ids=["variable", "the file's variable", "case", "option"],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    tmp_path: Path, environ: dict[str, str], options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError) as caught:
        given(tmp_path, {"HOME": str(tmp_path), **environ}, options)
    assert complaint in str(caught.value)


def test_an_unknown_key_in_the_file_is_refused_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "qwenproxy.toml"
    file.write_text('apikey = "x"\n')
    with pytest.raises(ValueError) as caught:
        given(tmp_path, {})
    assert str(caught.value) == f"{file}: apikey: no such setting; the nearest is api_key"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b'upstream = "x"\nhosts = [\n', ": "),
        (b"upstream = x\n", ":1:12: "),
        (b'# caf\xe9\nupstream = "x"\n', "not UTF-8"),
        (b'upstream = "x"\nupstream = "y"\n', ":2:"),
    ],
    ids=["unfinished", "syntax", "encoding", "twice"],
)
def test_a_file_that_is_no_toml_is_refused_with_the_line(tmp_path: Path, text: bytes, complaint: str) -> None:
    file = tmp_path / "qwenproxy.toml"
    file.write_bytes(text)
    with pytest.raises(ValueError) as caught:
        given(tmp_path, {})
    assert str(file) in str(caught.value)
    assert complaint in str(caught.value)
    assert "at line" not in str(caught.value)


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "qwenproxy.toml").write_bytes(b'\xef\xbb\xbfupstream = "x"\n')
    assert [entry.raw for entry in given(tmp_path, {})] == ["x"]


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'upstream = "{path.name} in {path.parent.name}"\n')
    return path


def test_the_named_file_comes_before_the_folders_and_that_before_the_users(tmp_path: Path) -> None:
    cwd, home, config = tmp_path / "cwd", tmp_path / "home", tmp_path / "config"
    cwd.mkdir()
    environ = {"HOME": str(home), "XDG_CONFIG_HOME": str(config)}
    chosen = []
    for file in (
        home / ".config/qwenproxy/qwenproxy.toml",
        config / "qwenproxy/qwenproxy.toml",
        cwd / "qwenproxy.toml",
        cwd / "named.toml",
    ):
        written(file)
        here = {"HOME": str(home)} if home in file.parents else environ
        named = {"QWENPROXY_CONFIG": "named.toml"} if file.name == "named.toml" else {}
        found = given(cwd, here | named)
        chosen += [entry.source for entry in found]
        assert [entry.folder for entry in found] == [file.parent]
        assert chosen[-1] == f"{file}: upstream"
    assert len(chosen) == 4


@pytest.mark.parametrize("named", ["missing.toml", "/nowhere/missing.toml", "~/missing.toml", "."])
def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path, named: str) -> None:
    written(tmp_path / "qwenproxy.toml")
    with pytest.raises(ValueError, match="QWENPROXY_CONFIG: there is no file /"):
        given(tmp_path, {"QWENPROXY_CONFIG": named, "HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("key", "/srv/key"),
        ("../key", "/srv/../key"),
        ("/etc/key", "/etc/key"),
        ("~/key", "/home/me/key"),
        ("~", "/home/me"),
    ],
)
def test_a_path_is_relative_to_where_it_was_written(text: str, path: str) -> None:
    assert sources.home_path(text, {"HOME": "/home/me"}, Path("/srv")) == Path(path)


def test_the_lines_of_a_file_of_keys_are_without_comments(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# keys\none\n\n  two  \r\n#three\n")
    assert sources.lines(file, "x") == ["one", "two"]


def test_a_file_that_cannot_be_read_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"QWENPROXY_API_KEY_FILE: .*missing: No such file"):
        sources.read(tmp_path / "missing", "QWENPROXY_API_KEY_FILE")
    with pytest.raises(ValueError, match=r"QWENPROXY_API_KEY_FILE: .*: Is a directory"):
        sources.lines(tmp_path, "QWENPROXY_API_KEY_FILE")
