"""The command line: set up, and whatever happens take down."""

import argparse
import grp
import os
import pwd
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.redirection import engines, holder, proxy, rules, signals
from scripts.redirection.engines import ENGINES, Engine, Unable
from scripts.redirection.rules import Scope

ABOUT = """\
Lead the connections of one user, group or cgroup to ports 80 and 443 into mitmdump in transparent mode, with the
addon: apps that ignore proxy variables are reached too.  OpenAI's hosts are answered by Qwen, all others pass
undecrypted.  It lasts until Ctrl-C, --down, or the end of either process, even by kill -9; then apps reach the real
hosts again.  Needs root, and nftables (or iptables).  In a network namespace: ip netns exec NAME scripts/redirect --all
"""
NOT_RUNNING = 3  # --status, as for a service


class Refused(Exception):
    """It cannot be done; the message says why."""


@dataclass(frozen=True)
class Plan:
    """What is to be redirected, where to, and who runs there."""

    scope: Scope
    port: int
    families: Sequence[socket.AddressFamily]
    user: str
    more: Sequence[str]
    engines: Sequence[str]


def say(text: str) -> None:
    """Tell whoever called."""
    sys.stdout.write(f"{text.rstrip()}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    sys.stderr.write(f"scripts/redirect: {text}\n")


def main(words: Sequence[str]) -> int:
    options = parser().parse_args(words)
    try:
        if options.status:
            return status()
        if options.down:
            return down()
        plan = planned(options)
        if options.dry_run:
            return dry_run(plan)
        return run(plan)
    except (Refused, Unable, holder.Held) as e:
        complain(str(e))
        return 1


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser("scripts/redirect", description=ABOUT)
    whose = found.add_mutually_exclusive_group(required=True)
    whose.add_argument("--user", help="the connections of this user's processes")
    whose.add_argument("--group", help="of the processes that run under this group, as by: sg GROUP -c COMMAND")
    whose.add_argument("--cgroup", metavar="PATH", help="of the processes in this cgroup (v2), its path below the root")
    whose.add_argument("--all", action="store_true", help="of all processes but the proxy, in this network namespace")
    whose.add_argument(
        "--status", action="store_true", help=f"tell what is redirected; exit {NOT_RUNNING} if nothing is"
    )
    whose.add_argument(
        "--down", action="store_true", help="end it, from another terminal, and remove what is left of it"
    )
    found.add_argument("--port", type=int, default=8082, help="the proxy's port on loopback (8082)")
    found.add_argument("--proxy-user", metavar="USER", help="who runs the proxy; default: who called sudo")
    found.add_argument("--with", choices=ENGINES, dest="engine", help="by default nftables, iptables where it is not")
    found.add_argument("--dry-run", action="store_true", help="only print the rules, and what would be run")
    found.add_argument("more", nargs="*", metavar="ARGUMENT", help="of mitmdump, after --")
    return found


def planned(options: argparse.Namespace) -> Plan:
    """What *options* ask for.  Raises Refused."""
    families = [socket.AF_INET, *([socket.AF_INET6] if engines.has_ipv6() else [])]
    user = options.proxy_user or os.environ.get("SUDO_USER") or pwd.getpwuid(os.geteuid()).pw_name
    number(user, "user")
    if options.cgroup is not None and not re.fullmatch(r"[\w@:./-]+", options.cgroup):
        raise Refused(f"{options.cgroup!r} is no path of a cgroup")
    scope = Scope(number(options.user, "user"), number(options.group, "group"), options.cgroup)
    return Plan(scope, options.port, families, user, options.more, [options.engine] if options.engine else [*ENGINES])


def number(name: str | None, kind: str) -> int | None:
    """The number of a user or a group, by its name or by itself.  Raises Refused."""
    if name is None or name.isdecimal():
        return None if name is None else int(name)
    try:
        return pwd.getpwnam(name).pw_uid if kind == "user" else grp.getgrnam(name).gr_gid
    except KeyError:
        raise Refused(f"there is no {kind} {name!r}") from None


def dry_run(plan: Plan) -> int:
    """Print all that would be done."""
    texts = {"nftables": rules.nftables, "iptables": rules.iptables}
    say(f"# as {plan.user}: {' '.join(proxy.command(plan.port, plan.families, plan.more))}")
    say(f"# {plan.engines[0]}:")
    say(texts[plan.engines[0]](plan.scope, plan.port))
    return 0


def status() -> int:
    """Tell whether anything is redirected, by whom, and how often it was."""
    found = holder.holder()
    say("nothing is redirected" if found is None else f"redirected by {holder.words(found)}")
    if os.geteuid() == 0:
        subprocess.run(["sh", "-c", rules.SHOW], check=False)
    return NOT_RUNNING if found is None else 0


def down() -> int:
    """End it, whoever runs it; nothing to end is as good."""
    need_root()
    if not holder.end():
        raise Refused(f"it does not end: {holder.words(holder.holder())}")
    engines.remove()
    return 0


def need_root() -> None:
    if os.geteuid() != 0:
        raise Refused("only root may change where connections go: call it by sudo")


def run(plan: Plan) -> int:
    """Set up, wait for an end, take down."""
    need_root()
    with holder.hold():
        engines.remove()
        ending = signals.descriptor()
        if proxy.listeners(plan.port):
            raise Refused(f"port {plan.port} is taken: choose another one by --port")
        process = proxy.start(proxy.command(plan.port, plan.families, plan.more), plan.user)
        try:
            return between(plan, process, [ending, os.pidfd_open(process.pid)])
        finally:
            proxy.stop(process)


def between(plan: Plan, process: subprocess.Popen[bytes], ends: Sequence[int]) -> int:
    """Have the rules hold while the proxy runs and nothing ends it; 1 if the proxy did so by itself."""
    while proxy.listeners(plan.port) < len(plan.families):
        if signals.any_of(ends, 0.1):
            return ended(process)
    engine = up(plan)
    try:
        say(f"redirected to port {plan.port} by {engine.name}, until Ctrl-C or scripts/redirect --down")
        signals.any_of([*ends, *engine.watched()])
    finally:
        engine.down()
    return ended(process)


def up(plan: Plan) -> Engine:
    """The first engine that can do it, doing it.  Raises Unable, with what each of them said."""
    said = []
    for name in plan.engines:
        try:
            engine = ENGINES[name]()
            engine.up(plan.scope, plan.port)
        except Unable as e:
            said.append(str(e))
        else:
            return engine
    raise Unable("; ".join(said))


def ended(process: subprocess.Popen[bytes]) -> int:
    """The exit status: whether it ended because somebody wanted it to."""
    if process.poll() is None:
        return 0
    complain("the proxy has ended, and so has the redirection")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
