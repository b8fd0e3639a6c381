"""`qwenproxy exec` with unmodified apps that know only https://api.openai.com."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import orjson
import pytest

from qwenproxy.commands.launch.variables import ANY_KEY
from qwenproxy.commands.run import free_port
from tests.clients import toolchains
from tests.clients.toolchains import CLIENTS, needed
from tests.support.apps import RIGA
from tests.support.launched import Home, Launched
from tests.support.processes import MITMDUMP, OURS, QWENPROXY, authority, running

URL = "https://api.openai.com/v1/chat/completions"
BODY = '{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello, this is private"}]}'
CURL = ("curl", "-sS", "-w", "%{http_code} %{http_version}", "-H", "content-type: application/json", "-d", BODY, URL)
SDK = (sys.executable, str(CLIENTS / "chat.py"))
SUMMARY = "qwenproxy: 6 exchanges, 107 + 245 tokens, 2 errors (the last: content_filter: "
PRESET = "/etc/ssl/certs/ca-certificates.crt"
"""As many machines have it in every variable."""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")


@pytest.fixture
def home(tmp_path: Path, confdir: Path) -> Home:
    """With an authority, so that not each call has to make one."""
    authority(confdir)
    (tmp_path / ".mitmproxy").symlink_to(confdir)
    return Home(tmp_path)


def check(ended: Launched, home: Home, address: str = "https://api.openai.com/v1") -> None:
    """An official SDK got all that it asked for, and nothing is left."""
    assert ended.status == 0, ended.err
    found = orjson.loads(ended.out)
    assert found["address"].rstrip("/").startswith(address)
    assert found["streamed"] == found["whole"]
    assert found["call"] == ["get_weather", RIGA]
    assert (found["retried"], found["error"]) == ("stop", ["BadRequestError", 400, "content_filter"])
    assert ended.summary.startswith(SUMMARY)
    assert home.left == []


async def test_openai_python_needs_nothing_set_up(tmp_path: Path) -> None:
    """Not even an authority: it is made, in mitmproxy's folder."""
    home = Home(tmp_path)
    check(ended := await home.launch("--simulator", "--", *SDK), home)
    assert len(ended.err.splitlines()) == 1
    made = {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / ".mitmproxy").iterdir()}
    assert made["mitmproxy-ca.pem"] == 0, "nobody else reads the authority's key"


async def test_what_machines_preset_is_overridden(home: Home) -> None:
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "https_proxy", "HTTPS_PROXY", "all_proxy")
    preset = dict.fromkeys(names[:3], PRESET) | dict.fromkeys(names[3:], "http://127.0.0.1:9")
    ended = await home.launch("--simulator", "--", *SDK, **preset, NO_PROXY="internal.example,.openai.com")
    check(ended, home)
    notice = "qwenproxy: NO_PROXY has .openai.com: taken out for the command, or its calls would go past the proxy"
    assert notice in ended.err.splitlines()


@needs_curl
@pytest.mark.parametrize("preset", ["", PRESET], ids=["nothing set", "CURL_CA_BUNDLE set"])
async def test_curl(home: Home, preset: str) -> None:
    ended = await home.launch("--simulator", "--", *CURL, CURL_CA_BUNDLE=preset, no_proxy="*")
    assert (ended.status, ended.out.rpartition("}")[2]) == (0, "200 2"), ended.err
    assert ended.summary.startswith("qwenproxy: 1 exchange, ")


async def test_the_command_sees_both_cases_a_key_and_files_for_its_user_only(home: Home) -> None:
    script = "env; ls -ln $(dirname $SSL_CERT_FILE)"
    ended = await home.launch("--simulator", "--quiet", "--", "sh", "-c", script, LC_ALL="C", QUERY="a=b c")
    assert (ended.status, ended.err) == (0, "")
    environ = dict(line.split("=", 1) for line in ended.out.splitlines() if "=" in line)
    assert environ["QUERY"] == "a=b c"
    assert environ["OPENAI_API_KEY"] == ANY_KEY
    assert environ["HTTPS_PROXY"] == environ["https_proxy"] == environ["http_proxy"] == environ["ALL_PROXY"]
    assert environ["NO_PROXY"] == environ["no_proxy"] == "localhost,127.0.0.1"
    modes = {line.split()[-1]: line[:10] for line in ended.out.splitlines() if line.startswith(("-", "d"))}
    assert {modes[name] for name in ("bundle.pem", "extra.pem", "truststore.p12")} == {"-rw-------"}


async def test_calls_without_a_key_say_what_is_missing_at_the_start_and_in_the_summary(home: Home) -> None:
    code = "import openai; openai.OpenAI(max_retries=0).models.with_raw_response.list(); print('listed')"
    ended = await home.launch("--", sys.executable, "-c", code)
    assert ended.out == "listed\n"
    first, last = ended.err.splitlines()
    assert first.startswith("qwenproxy: The proxy has no key for its upstream")
    assert last == "qwenproxy: 1 exchange, 0 + 0 tokens, no errors"


async def test_a_proxy_that_cannot_start_is_one_line_and_nothing_runs(home: Home) -> None:
    ended = await home.launch("--simulator", "--set", "nonsense=1", "--", "touch", str(home.path / "ran"))
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == "qwenproxy exec: unknown option: nonsense\n"
    assert not (home.path / "ran").exists()
    assert home.left == []


async def test_secrets_are_in_no_command_line_and_no_output(home: Home) -> None:
    """Of all processes that there are meanwhile."""
    secrets = {
        "QWENPROXY_API_KEY": "sk-secret-upstream",
        "OPENAI_API_KEY": "sk-secret-app",
        "HTTPS_PROXY": "http://me:secret-password@127.0.0.1:9",
    }
    script = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; $0 $1 >/dev/null"
    log = home.path / "log"
    ended = await home.launch("--log", str(log), "--", "sh", "-c", script, *SDK, **secrets)
    assert "launch.attendant" in ended.out
    texts = (ended.out, ended.err, log.read_text())
    assert not [secret for secret in ("sk-secret", "secret-password") for text in texts if secret in text]
    assert "chat" in log.read_text()


@needs_curl
async def test_other_hosts_go_by_the_proxy_that_the_user_had_and_ours_do_not(home: Home) -> None:
    """Its password goes with them."""
    port = free_port("127.0.0.1")
    script = home.path / "corporate.py"
    script.write_text(
        "from mitmproxy import http\n"
        "def request(flow):\n"
        "    said = f'corporate {flow.request.pretty_url}'\n"
        "    flow.response = flow.response or http.Response.make(200, said.encode())\n"
    )
    corporate = (*MITMDUMP, "-s", str(script), "--mode", f"regular@127.0.0.1:{port}", "--proxyauth", "me:p@ss")
    confdir = ("--set", f"confdir={home.path / 'corporate'}", "--set", "connection_strategy=lazy")
    environ = {"HTTPS_PROXY": f"http://me:p%40ss@127.0.0.1:{port}"}
    async with running((*corporate, *confdir), home.environ(), ready="listening at") as proxy:
        other = await home.launch("--simulator", "--", "curl", "-sS", "http://elsewhere.example/x", **environ)
        ours = await home.launch("--simulator", "--", *CURL, **environ)
        tunnelled = await home.launch("--simulator", "--", "curl", "-sSk", "https://elsewhere.example/y", **environ)
    assert other.out == "corporate http://elsewhere.example/x", other.err
    assert tunnelled.out == "corporate https://elsewhere.example/y", tunnelled.err
    assert ours.out.endswith("200 2")
    assert "openai" not in proxy.output


@needs_curl
async def test_a_proxy_that_runs_is_joined_and_its_variables_are_printed(home: Home) -> None:
    command = (*QWENPROXY, "run", "--simulator", "--no-port", "--proxy-port", "0")
    async with running(command, home.environ(), ready="listening") as proxy:
        (port,) = proxy.ports
        joined = await home.launch("--join", str(port), "--", *CURL)
        assert joined.out.endswith("200 2"), joined.err
        assert joined.summary == f"qwenproxy: by the proxy that runs at http://127.0.0.1:{port}"
        printed = await home.launch("--env", "sh", "--join", str(port))
        assert (printed.status, printed.err) == (0, "")
        script = f'eval "$1"; exec {" ".join(map(shell_word, CURL))}'
        shell = await asyncio.create_subprocess_exec(
            "sh", "-c", script, "sh", printed.out, env=home.environ(), stdout=asyncio.subprocess.PIPE
        )
        assert (await shell.communicate())[0].endswith(b"200 2")
        named = await home.launch("--", *CURL, HTTPS_PROXY=f"http://localhost:{port}")
        assert named.summary == joined.summary, "the environment names it"
        assert proxy.output.count(" POST chat 200 ") == 3
    assert home.left == []
    gone = await home.launch("--join", str(port), "--", *CURL)
    assert (gone.status, gone.out) == (1, "")


def shell_word(word: str) -> str:
    return f"'{word}'"


async def test_a_proxy_started_by_mitmproxy_itself_is_joined(home: Home) -> None:
    command = (*MITMDUMP, *OURS, "--mode", "regular@127.0.0.1:0")
    environ = home.environ(QWENPROXY_AUTH="none", QWENPROXY_UPSTREAM="http://127.0.0.1:9/v1")
    async with running(command, environ, ready="listening at") as proxy:
        ended = await home.launch("--join", str(proxy.ports[0]), "--", "true")
        assert ended.status == 0, ended.err


@pytest.mark.clients
async def test_openai_node(home: Home) -> None:
    node, script = needed(toolchains.node), needed(lambda: toolchains.node_script("chat.mjs"))
    ended = await home.launch("--simulator", "--", node, str(script), NODE_EXTRA_CA_CERTS=PRESET)
    check(ended, home)


@pytest.mark.clients
async def test_a_node_that_ignores_proxies_is_told_by_another_way(home: Home) -> None:
    node = needed(lambda: toolchains.program("node"))
    if toolchains.version(node) >= (22, 21):
        pytest.skip("the Node of this machine heeds proxy variables")
    script = needed(lambda: toolchains.node_script("chat.mjs"))
    ended = await home.launch("--simulator", "--", node, str(script))
    check(ended, home, "http://127.0.0.1:")
    assert "does not heed proxy variables: OPENAI_BASE_URL is set instead" in ended.err


@pytest.mark.clients
async def test_java(home: Home) -> None:
    java = needed(lambda: toolchains.program("java"))
    ended = await home.launch("--simulator", "--", java, str(CLIENTS / "Chat.java"), JAVA_TOOL_OPTIONS="-Xmx256m")
    assert [line.split(" ", 2)[:2] for line in ended.out.splitlines()] == [["HTTP_2", "200"]] * 2, ended.err
    assert "Picked up JAVA_TOOL_OPTIONS: -Xmx256m -Dhttps.proxyHost" in ended.err


@pytest.mark.clients
async def test_openai_python_before_its_third_version(home: Home) -> None:
    python = needed(toolchains.python_with_openai_2)
    check(await home.launch("--simulator", "--", python, str(CLIENTS / "chat.py")), home)


@pytest.mark.clients
async def test_go(home: Home) -> None:
    go = needed(lambda: toolchains.program("go"))
    ended = await home.launch("--simulator", "--", go, "run", str(CLIENTS / "chat.go"), GOCACHE=os.fspath(home.path))
    assert [line.split(" ", 2)[:2] for line in ended.out.splitlines()] == [["HTTP_2.0", "200"]] * 2, ended.err
