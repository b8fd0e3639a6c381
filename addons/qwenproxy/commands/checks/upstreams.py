"""What it means how far one gets to an upstream, and what its clock says of ours."""

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime

from qwenproxy.commands import durations
from qwenproxy.commands.checks.findings import Finding, fail, ok, warn
from qwenproxy.commands.checks.reach import Reached, Stage

NAME = "upstream"
CLOCK = "clock"
SKEW = 30.0  # s; a login counts as fresh until so long before its end
ADDRESS = "See that the setting `upstream` is the base URL that the vendor gives for this key."

NEXT: Mapping[Stage, str] = {
    "DNS": f"See that this machine is online and its resolver works.  {ADDRESS}",
    "TCP": f"See that a server runs there, and no firewall is in between.  {ADDRESS}",
    "TLS": "Somebody in between may show a certificate of his own: the system's list and Mozilla's are trusted here, "
    "so add a company's authority to the system's.",
    "HTTP": f"What listens there is not the API: http:// for https://, or another port?  {ADDRESS}",
}
"""What to do when a stage fails."""


def upstream(base_url: str, found: Reached, foreign: Sequence[str]) -> Finding:
    """About the way to *base_url*; *foreign*: HTTP proxies of other people's that the shell names."""
    passed = ", ".join(f"{stage} {seconds * 1000:.0f} ms" for stage, seconds in found.times.items())
    if found.error:
        far = f" ({passed})" if passed else ""
        return fail(NAME, f"{base_url}: {found.stage} failed: {found.error}{far}", _next(found, foreign))
    what = f"{base_url}: {passed}, status {found.status}"
    if found.status // 100 == 3:
        return warn(NAME, f"{what}: it sends one elsewhere, which is not followed", ADDRESS)
    if found.status >= 500:
        return warn(NAME, f"{what}: it is in trouble", "Wait, or see the vendor's status page.")
    return ok(NAME, what)


def _next(found: Reached, foreign: Sequence[str]) -> str:
    if found.bad_date:
        return "See that the clock of this machine is right."
    if foreign and found.stage in ("DNS", "TCP"):
        return f"The proxy connects by itself, and not through {', '.join(foreign)}: it needs a direct way."
    return NEXT[found.stage]


def clock(reached: Sequence[Reached]) -> Finding | None:
    """How far this machine's clock is from that of the first upstream that tells the time; None if none does."""
    skews = [skew for each in reached if (skew := skew_of(each)) is not None]
    if not skews:
        return None
    skew = min(skews, key=abs)
    if abs(skew) <= SKEW:
        return ok(CLOCK, "it goes as the upstream's")
    side = "ahead of" if skew > 0 else "behind"
    next = "Set it (`timedatectl set-ntp true`): a wrong one makes logins run out early or late, and TLS fail."
    return warn(CLOCK, f"{durations.span(abs(skew))} {side} the upstream's", next)


def skew_of(found: Reached) -> float | None:
    """Seconds by which our clock is ahead of that of the answer; None if it does not say, or comes from a cache."""
    if not found.at or "age" in found.headers:
        return None
    try:
        said = parsedate_to_datetime(str(found.headers["date"])).timestamp()
    except (TypeError, ValueError):
        return None
    return found.at - said
