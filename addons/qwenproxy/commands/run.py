"""`qwenproxy run`: the proxy, as a local OpenAI and as an HTTPS proxy, lean."""

import argparse
import asyncio
import errno
import logging
import os
import resource
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mitmproxy import exceptions, master, options, optmanager
from mitmproxy.tools.web.master import WebMaster
from mitmproxy.utils import human

from qwenproxy import logs, settings
from qwenproxy.addon import PREFIX, QwenProxy
from qwenproxy.auth import keys
from qwenproxy.commands import configured, notify, signals
from qwenproxy.commands.checks.holders import holder
from qwenproxy.commands.master import LeanMaster
from qwenproxy.commands.workers import launcher
from qwenproxy.flows import guard
from qwenproxy.flows.fit import Misfit
from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.server import Simulator

log = logging.getLogger(__name__)

MOST_FILES = 65_536
MOST_WORKERS = 128
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
    parser.add_argument(
        "--workers", type=count, metavar="N", help="so many processes share the work (default: one, alone)"
    )
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


def count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_WORKERS}")
    return int(text)


def main(arguments: argparse.Namespace, *companions: object) -> int:
    """Run until a signal comes: 0; 1 if a listener cannot be opened; 2 if the options are wrong.

    *companions* are further addons.
    """
    return status(serve(arguments, *companions))


def status(serving: Coroutine[Any, Any, int]) -> int:
    """The exit status that *serving* comes to; what is wrong is said in one line."""
    try:
        return asyncio.run(serving)
    except (StartRefused, Misfit, exceptions.OptionsError) as e:
        configured.complain("run", str(e))
        return 2
    except OSError as e:  # a port: a launcher's, the simulator's, or mitmweb's
        configured.complain("run", str(e))
        return 1
    except KeyboardInterrupt:
        return 130


async def serve(arguments: argparse.Namespace, *companions: object) -> int:
    """Run the proxy, or its workers, and the simulator if asked, until the process is told to stop."""
    if arguments.no_port and arguments.no_proxy_port:
        raise StartRefused("nothing to listen on: both --no-port and --no-proxy-port are given")
    if arguments.workers and arguments.ui == "web":
        raise StartRefused("--ui web shows the flows of one process: leave --workers out, or --ui")
    check_ports(arguments)  # once, before anybody listens: a worker would find its own launcher's
    environ = environment(arguments, os.environ)
    if not arguments.simulator:
        return await serve_with(arguments, environ, *companions)
    simulator = Simulator(terms=Terms(interval=1, authorise_after=1))  # a login confirms itself
    await simulator.start("127.0.0.1", arguments.simulator_port)
    try:
        print(f"simulator {simulator.base_url}", flush=True)
        with TemporaryDirectory(prefix="qwenproxy-") as home:
            return await serve_with(arguments, simulated(simulator, environ, home), *companions)
    finally:
        await simulator.stop()


async def serve_with(arguments: argparse.Namespace, environ: Mapping[str, str], *companions: object) -> int:
    """Run the proxy, or its workers, by *environ*."""
    if arguments.workers:
        open_more_files()
        return await launcher.launch(arguments, environ)
    return await serve_proxy(arguments, QwenProxy(environ), announce, *companions)


def environment(arguments: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* with what the options say of it."""
    named = {} if arguments.config is None else {"QWENPROXY_CONFIG": str(arguments.config)}
    return {**environ, **named}


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


async def serve_proxy(
    arguments: argparse.Namespace, addon: QwenProxy, announce: Callable[[master.Master, str], None], *companions: object
) -> int:
    """Run mitmproxy's part until it is told to stop; the exit status.  *announce* hears when and where."""
    open_more_files()
    web = arguments.ui == "web"
    opts = options.Options()
    proxy = WebMaster(opts, with_termlog=False) if web else LeanMaster(opts)
    set_options(proxy, arguments)
    proxy.addons.add(addon)
    if opts.deferred:
        raise StartRefused(unknown(sorted(opts.deferred)))
    addon.configure(set(opts.keys()))
    logs.save_work()
    logging.getLogger().addHandler(logs.handler(addon.settings.log_format, worker=addon.worker))
    logging.getLogger("qwenproxy").setLevel(logging.INFO)
    logging.getLogger("mitmproxy").setLevel(logging.WARNING)  # a line for every connection helps nobody here
    signals.heed(lambda: stop(proxy), lambda: reload(addon))
    proxy.addons.add(Announcement(proxy, announce), *companions)
    try:
        await proxy.run()
    except SystemExit:
        return 1  # mitmproxy's error check; what failed has been logged
    return 0


def stop(proxy: master.Master) -> None:
    """Begin to end: what is under way is brought to its end first."""
    notify.notify(notify.STOPPING)
    proxy.shutdown()


def reload(addon: QwenProxy) -> None:
    """Take up settings that have changed; wrong ones leave things as they are."""
    notify.notify(notify.reloading())
    try:
        addon.reload()
        log.info("settings loaded anew")
    except exceptions.OptionsError as e:
        log.error("not loaded anew: %s; the old settings go on", e)
    notify.notify(notify.READY)


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


def open_more_files() -> None:
    """Let the process have as many files open as it may: a connection is one, and shells allow 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def check_ports(arguments: argparse.Namespace) -> None:
    """Raise OSError, which says who listens there, for a port that is taken."""
    wanted = {"--port": 0 if arguments.no_port else arguments.port}
    wanted["--proxy-port"] = 0 if arguments.no_proxy_port else arguments.proxy_port
    family = socket.AF_INET6 if ":" in arguments.host else socket.AF_INET
    for option, number in wanted.items():
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((arguments.host, number))
            except OSError as e:
                if e.errno != errno.EADDRINUSE:
                    continue  # mitmproxy says it in words that fit
                who = holder(number)
                by = f" by {who}" if who else ""
                message = f"port {number} of {arguments.host} is taken{by}: end it, or choose another ({option})"
                raise OSError(message) from None


def free_port(host: str) -> int:
    """A port of *host* that nobody listens on: mitmproxy takes two listeners on port 0 for one and the same."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        number: int = probe.getsockname()[1]
        return number


class Announcement:
    """Has *announce* called with where the proxy listens, once it does."""

    def __init__(self, proxy: master.Master, announce: Callable[[master.Master, str], None]) -> None:
        self._proxy = proxy
        self._announce = announce

    def running(self) -> None:
        words: list[str] = []
        for server in self._proxy.addons.get("proxyserver").servers:
            kind = "reverse" if server.mode.type_name == "reverse" else "proxy"
            words += [f"{kind}=http://{human.format_address(address)}" for address in server.listen_addrs[:1]]
        if isinstance(self._proxy, WebMaster):
            words.append(f"web={self._proxy.web_url}")
        self._announce(self._proxy, " ".join(words))


def announce(_: master.Master, listening: str) -> None:
    """Say on standard output, in one line, where the proxy listens: scripts wait for it."""
    print(f"listening {listening}", flush=True)
    notify.notify(notify.READY)
