"""`qwenproxy run`: the proxy, as a local OpenAI and as an HTTPS proxy, lean."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mitmproxy import exceptions, master, options, optmanager
from mitmproxy.tools.web.master import WebMaster
from mitmproxy.utils import human

from qwenproxy import logs, settings
from qwenproxy.addon import PREFIX, QwenProxy
from qwenproxy.auth import keys
from qwenproxy.commands import configured
from qwenproxy.commands.master import LeanMaster
from qwenproxy.flows import guard
from qwenproxy.flows.fit import Misfit
from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.server import Simulator

WEB_PORT = 8082
"""mitmweb's, unless another is set; its own default is that of our HTTPS proxy."""
HELP = "start the proxy: a local OpenAI at --port, an HTTPS proxy at --proxy-port"


class StartRefused(Exception):
    """The proxy cannot start as it was asked to; the message says why, in one line."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, default=8080, help="port of the local OpenAI (default: 8080; 0: any)")
    parser.add_argument("--no-port", action="store_true", help="no local OpenAI")
    parser.add_argument("--proxy-port", type=port, default=8081, help="port of the HTTPS proxy (default: 8081)")
    parser.add_argument("--no-proxy-port", action="store_true", help="no HTTPS proxy")
    parser.add_argument("--ui", choices=("none", "web"), default="none", help="web: look at what passes, in mitmweb")
    parser.add_argument("--simulator", action="store_true", help="a built-in Qwen as the upstream: no account")
    parser.add_argument("--simulator-port", type=port, default=0, help="port of the simulator (default: a free one)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="sets",
        metavar="NAME=VALUE",
        help="set an option of mitmproxy, or a setting by its name there: qwen_upstream=...",
    )


def port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return number


def main(arguments: argparse.Namespace, *companions: object) -> int:
    """Run until a signal comes: 0; 1 if a listener cannot be opened; 2 if the options are wrong.

    *companions* are further addons.
    """
    if arguments.no_port and arguments.no_proxy_port:
        print("qwenproxy run: nothing to listen on: both --no-port and --no-proxy-port are given", file=sys.stderr)
        return 2
    try:
        return asyncio.run(serve(arguments, *companions))
    except (StartRefused, Misfit, exceptions.OptionsError) as e:
        configured.complain("run", str(e))
        return 2
    except OSError as e:  # the port of the simulator or of mitmweb
        configured.complain("run", str(e))
        return 1
    except KeyboardInterrupt:
        return 130


async def serve(arguments: argparse.Namespace, *companions: object) -> int:
    """Run the proxy, and the simulator if asked, until the process is told to stop."""
    environ = dict(os.environ)
    if arguments.config is not None:
        environ["QWENPROXY_CONFIG"] = str(arguments.config)
    if not arguments.simulator:
        return await serve_proxy(arguments, QwenProxy(environ), *companions)
    simulator = Simulator(terms=Terms(interval=1, authorise_after=1))  # a login confirms itself
    await simulator.start("127.0.0.1", arguments.simulator_port)
    try:
        print(f"simulator {simulator.base_url}", flush=True)
        with TemporaryDirectory(prefix="qwenproxy-") as home:
            return await serve_proxy(arguments, QwenProxy(simulated(simulator, environ, home)), *companions)
    finally:
        await simulator.stop()


def simulated(simulator: Simulator, environ: Mapping[str, str], home: str) -> dict[str, str]:
    """*environ* with *simulator* as the upstream, without any key of a real one; *home*: where a login is kept."""
    real = {*keys.VARIABLES, *settings.ROWS["api_key"].shared, "QWENPROXY_API_KEY_FILE"}
    own = {name: value for name, value in environ.items() if name not in real} | {
        "QWEN_HOME": home,
        "QWENPROXY_CREDENTIALS": f"{home}/oauth_creds.json",
        "QWENPROXY_STATE": environ.get("QWENPROXY_STATE") or f"{home}/state.db",
        "QWENPROXY_OAUTH_URL": simulator.base_url,
    }
    if environ.get("QWENPROXY_AUTH") == "oauth":
        return own | {"QWENPROXY_UPSTREAM": f"{simulator.base_url}/v1"}
    upstream = f"{simulator.base_url}/compatible-mode/v1"
    return own | {"QWENPROXY_UPSTREAM": upstream, "QWENPROXY_AUTH": "api_key", "QWENPROXY_API_KEY": simulator.key}


async def serve_proxy(arguments: argparse.Namespace, addon: QwenProxy, *companions: object) -> int:
    """Run mitmproxy's part until it is told to stop; the exit status."""
    web = arguments.ui == "web"
    opts = options.Options()
    proxy = WebMaster(opts, with_termlog=False) if web else LeanMaster(opts)
    set_options(proxy, arguments)
    proxy.addons.add(addon)
    if opts.deferred:
        raise StartRefused(unknown(sorted(opts.deferred)))
    addon.configure(set(opts.keys()))
    logs.save_work()
    logging.getLogger().addHandler(logs.handler(addon.settings.log_format))
    logging.getLogger("qwenproxy").setLevel(logging.INFO)
    logging.getLogger("mitmproxy").setLevel(logging.WARNING)  # a line for every connection helps nobody here
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, proxy.shutdown)
    proxy.addons.add(Announcement(proxy), *companions)
    try:
        await proxy.run()
    except SystemExit:
        return 1  # mitmproxy's error check; what failed has been logged
    return 0


def set_options(proxy: master.Master, arguments: argparse.Namespace) -> None:
    """mitmproxy's options: its own config file, ours for the listeners, then what `--set` names."""
    opts = proxy.options
    if arguments.ui == "web":
        opts.update(web_open_browser=False, web_port=WEB_PORT)
    confdir = Path(opts.confdir).expanduser()
    optmanager.load_paths(opts, str(confdir / "config.yaml"), str(confdir / "config.yml"))
    opts.update(mode=specs(arguments))
    opts.set(*arguments.sets, defer=True)
    if isinstance(proxy, LeanMaster):
        proxy.complete()


def unknown(names: Sequence[str]) -> str:
    """What there is to say of options that mitmproxy has not, nor we; a setting's own name lacks its beginning."""
    meant = [f"{PREFIX}{name}" for name in names if name in settings.ROWS and not settings.ROWS[name].secret]
    hint = f" (settings begin with {PREFIX}: {', '.join(meant)})" if meant else ""
    return f"unknown option: {', '.join(names)}{hint}"


def specs(arguments: argparse.Namespace) -> list[str]:
    """mitmproxy's mode specifications for the listeners that are wanted."""
    host = arguments.host
    found = []
    if not arguments.no_port:
        found.append(f"reverse:{guard.PLAIN_TARGET}@{host}:{arguments.port or free_port(host)}")
    if not arguments.no_proxy_port:
        found.append(f"regular@{host}:{arguments.proxy_port or free_port(host)}")
    return found


def free_port(host: str) -> int:
    """A port of *host* that nobody listens on: mitmproxy takes two listeners on port 0 for one and the same."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        number: int = probe.getsockname()[1]
        return number


class Announcement:
    """Says on standard output, in one line, where the proxy listens: scripts wait for it."""

    def __init__(self, proxy: master.Master) -> None:
        self._proxy = proxy

    def running(self) -> None:
        words = ["listening"]
        for server in self._proxy.addons.get("proxyserver").servers:
            kind = "reverse" if server.mode.type_name == "reverse" else "proxy"
            words += [f"{kind}=http://{human.format_address(address)}" for address in server.listen_addrs[:1]]
        if isinstance(self._proxy, WebMaster):
            words.append(f"web={self._proxy.web_url}")
        gc.collect()
        gc.freeze()  # what has been loaded stays: to look through it again and again would hold streams up
        print(" ".join(words), flush=True)
