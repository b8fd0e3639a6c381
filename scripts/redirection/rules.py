"""The rules, as text for nftables and for iptables: whose connections go where."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

TABLE = "qwenproxy"
CHAIN = "QWENPROXY"
PORTS = (80, 443)
PROXY_GROUP = 60800
"""The group that the proxy runs under: by it its own connections are told from an app's.

No system gives it to anyone: systemd's table of ranges (UIDS-GIDS) has it among the unused ones.
"""


@dataclass(frozen=True)
class Scope:
    """Whose connections are redirected: a user's, a group's, a cgroup's (its path), or, by default, everybody's."""

    user: int | None = None
    group: int | None = None
    cgroup: str | None = None

    def nftables(self) -> str:
        """The condition for nftables, with a space behind it if there is one."""
        if self.user is not None:
            return f"meta skuid {self.user} "
        if self.group is not None:
            return f"meta skgid {self.group} "
        if self.cgroup is not None:
            path = self.cgroup.strip("/")
            return f'socket cgroupv2 level {len(PurePosixPath(path).parts)} "{path}" '
        return ""

    def iptables(self) -> str:
        """The same for iptables."""
        if self.user is not None:
            return f"-m owner --uid-owner {self.user} "
        if self.group is not None:
            return f"-m owner --gid-owner {self.group} "
        if self.cgroup is not None:
            return f'-m cgroup --path "{self.cgroup.strip("/")}" '
        return ""


def nftables(scope: Scope, port: int) -> str:
    """A table that the kernel removes with the socket that made it.

    What stays on this machine is left alone, and so is the proxy.  HTTP/3 is refused, and apps go on without it.
    """
    ports = ", ".join(map(str, PORTS))
    return f"""\
table inet {TABLE} {{
	flags owner
	chain into_proxy {{
		type nat hook output priority -100
		oifname "lo" accept
		meta skgid {PROXY_GROUP} accept
		{scope.nftables()}tcp dport {{ {ports} }} counter redirect to :{port}
	}}
	chain no_http3 {{
		type filter hook output priority 0
		oifname "lo" accept
		meta skgid {PROXY_GROUP} accept
		{scope.nftables()}udp dport 443 counter reject
	}}
}}
"""


def iptables(scope: Scope, port: int) -> str:
    """The same for `iptables-restore --noflush`, and for `ip6tables-restore`."""
    return "".join(f"{line}\n" for line in _iptables(scope, port))


def _iptables(scope: Scope, port: int) -> Iterator[str]:
    ports = ",".join(map(str, PORTS))
    rules = {
        "nat": f"-p tcp -m multiport --dports {ports} -j REDIRECT --to-ports {port}",
        "filter": "-p udp --dport 443 -j REJECT",
    }
    for table, rule in rules.items():
        yield f"*{table}"
        yield f":{CHAIN} - [0:0]"
        yield f"-A {CHAIN} -o lo -j RETURN"
        yield f"-A {CHAIN} -m owner --gid-owner {PROXY_GROUP} -j RETURN"
        yield f"-A {CHAIN} {scope.iptables()}{rule}"
        yield f"-I OUTPUT -j {CHAIN}"
        yield "COMMIT"


IPTABLES = ("iptables", "ip6tables")

NO_IPTABLES = f"""\
for each in {" ".join(IPTABLES)}; do
    for table in nat filter; do
        while $each -w -t $table -D OUTPUT -j {CHAIN}; do :; done
        $each -w -t $table -F {CHAIN}
        $each -w -t $table -X {CHAIN}
    done
done 2>/dev/null
true
"""
"""A shell script that takes iptables' rules away again, whatever there is of them."""

SHOW = f"""\
nft list table inet {TABLE} 2>/dev/null
for each in {" ".join(IPTABLES)}; do
    for table in nat filter; do
        $each -w -t $table -v -S {CHAIN}
    done
done 2>/dev/null
true
"""
"""A shell script that prints the rules that there are, with how often each was used."""
