"""What follows the traffic, by the settings."""

import sys
from pathlib import Path

import pytest

from qwenproxy.auth.oauth import OAuth
from qwenproxy.limits.rates import RateLimits
from qwenproxy.service import service
from qwenproxy.settings import Settings, load
from qwenproxy.shared.link import FAILURES, Away
from qwenproxy.shared.place import shared
from qwenproxy.telemetry.following import Telemetry
from qwenproxy.telemetry.metrics import Metrics
from qwenproxy.traffic import Traffic
from tests.support.figures import exposed, figures, total
from tests.support.services import free_port


def settings(folder: Path, **named: str) -> Settings:
    return load({"HOME": str(folder), **{f"QWENPROXY_{name.upper()}": text for name, text in named.items()}}, folder)


def kinds(traffic: Traffic) -> list[str]:
    return [type(watcher).__name__ for watcher in traffic.watchers]


CASES: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["Metrics", "UsageLog"]),
    ({"metrics": "off", "usage": "off"}, []),
    ({"metrics": "off", "usage": "u.db"}, ["UsageLog"]),
    ({"state": "memory"}, ["Metrics"]),
    ({"state": "memory", "otel": "on"}, ["Metrics", "Traces"]),
]


@pytest.mark.parametrize(("named", "expected"), CASES, ids=str)
async def test_each_is_there_by_its_setting(tmp_path: Path, named: dict[str, str], expected: list[str]) -> None:
    traffic = Traffic([Metrics({})])
    telemetry = Telemetry(traffic, {"HOME": str(tmp_path)})
    telemetry.take_up(settings(tmp_path, **named))
    assert kinds(traffic) == ["Metrics", *expected], "who was there before stays"
    assert (telemetry.meter is not None) == ("Metrics" in expected)
    await telemetry.leave()
    assert kinds(traffic) == ["Metrics"]


def test_what_goes_on_stays_and_what_does_not_is_to_be_closed(tmp_path: Path) -> None:
    traffic = Traffic()
    telemetry = Telemetry(traffic, {"HOME": str(tmp_path)})
    assert telemetry.take_up(settings(tmp_path, usage="u.db")) == []
    meter, log = traffic.watchers
    assert telemetry.take_up(settings(tmp_path, usage="u.db", heartbeat="1")) == []
    assert list(traffic.watchers) == [meter, log]
    assert telemetry.take_up(settings(tmp_path, usage="other.db", metrics="off")) == [log]
    assert kinds(traffic) == ["UsageLog"]
    telemetry.take_up(settings(tmp_path, usage="other.db"))
    assert traffic.watchers[0] is meter, "counters must not begin anew"


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "qwenproxy.telemetry.traces", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ValueError, match=r"QWENPROXY_OTEL: needs OpenTelemetry.*pip install 'qwenproxy\[otel\]'"):
        Telemetry(Traffic(), {"HOME": str(tmp_path)}).take_up(settings(tmp_path, otel="on"))


def test_renewals_of_a_login_and_limits_are_counted(tmp_path: Path) -> None:
    telemetry = Telemetry(Traffic(), {"HOME": str(tmp_path)})
    found = settings(tmp_path, auth="oauth")
    telemetry.take_up(found)
    made = service(found, {"HOME": str(tmp_path)})
    telemetry.follow(made)
    (login,) = [line.credential for line in made.lines if isinstance(line.credential, OAuth)]
    login.on_refresh("renewed")
    telemetry.limited("queue")
    assert telemetry.meter is not None
    text = exposed(telemetry.meter)
    assert figures(text, "qwenproxy_login_refreshes_total", "outcome") == {("renewed",): 1}
    assert figures(text, "qwenproxy_limits_hit_total", "limit") == {("queue",): 1}


async def test_what_goes_wrong_with_the_shared_state_is_counted(tmp_path: Path) -> None:
    telemetry = Telemetry(Traffic(), {"HOME": str(tmp_path)})
    found = settings(tmp_path, state=f"redis://127.0.0.1:{free_port()}/0", auth="none", rate_limit="9/minute")
    telemetry.take_up(found)
    made = service(found, {"HOME": str(tmp_path)}, shared(found))
    telemetry.follow(made)
    assert telemetry.meter is not None
    assert made.shared is not None
    link = made.shared.link
    with pytest.raises(Away):
        await link.call("PING")
    for _ in range(4):
        await RateLimits(found.rate_limit, link=link).check("me")
    text = exposed(telemetry.meter)
    assert total(text, "qwenproxy_shared_state_failures_total") == link.failures == FAILURES
    assert total(text, "qwenproxy_rate_limits_alone_total") == 4
    await link.close()
