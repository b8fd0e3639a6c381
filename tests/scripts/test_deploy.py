"""The files for those who run several machines: each is read by the program that it is for, where that is here."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from qwenproxy.settings import ROWS
from tests.support.services import needs

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "scripts" / "deploy"
HAPROXY, NGINX, SYSTEMD = needs("haproxy"), needs("nginx"), needs("systemd-analyze")
OF_HAPROXY = {"BIND", "ONE", "TWO", "THREE"}


def documents(name: str) -> list[Any]:
    return list(YAML(typ="safe").load_all((DEPLOY / name).read_text()))


@pytest.mark.parametrize("file", sorted(filter(Path.is_file, DEPLOY.rglob("*"))), ids=lambda file: file.name)
def test_every_variable_is_a_setting(file: Path) -> None:
    named = set(re.findall(r"QWENPROXY_([A-Z_]+)", file.read_text()))
    assert not {name for name in named - OF_HAPROXY if name.lower() not in ROWS}


def test_in_kubernetes_it_has_the_time_to_end() -> None:
    deployment, service, budget = documents("kubernetes.yaml")
    assert [each["kind"] for each in (deployment, service, budget)] == ["Deployment", "Service", "PodDisruptionBudget"]
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    (container,) = pod["spec"]["containers"]
    (wait,) = [int(word) for word in container["lifecycle"]["preStop"]["exec"]["command"] if word.isdecimal()]
    assert pod["spec"]["terminationGracePeriodSeconds"] >= wait + 45
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_in_compose_all_that_is_named_is_there() -> None:
    (compose,) = documents("compose.yaml")
    proxies = {"one", "two", "three"}
    assert proxies | {"haproxy", "redis"} == set(compose["services"])
    assert all((DEPLOY / compose["services"][name]["build"]["context"]).resolve() == ROOT for name in proxies)
    assert all(set(compose["services"][name]["secrets"]) == set(compose["secrets"]) for name in proxies)


def test_the_container_is_made_of_what_is_there() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = [words[1:-1] for line in lines if (words := line.split())[:1] == ["COPY"] and "--from" not in line]
    assert copied
    assert all((ROOT / name).exists() for names in copied for name in names)


def test_what_is_killed_is_a_worker_and_not_the_service() -> None:
    """A launcher stays to tell its apps, and to start another one; systemd would end the service with it."""
    unit = (DEPLOY / "qwenproxy.service").read_text()
    assert re.search(r"^ExecStart=\S+ run --workers \d", unit, re.MULTILINE)
    assert "\nOOMPolicy=continue\n" in unit
    assert '"run", "--workers", ' in (DEPLOY / "Containerfile").read_text()


def said(*words: str) -> str:
    """What a command says that must not fail."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@HAPROXY[0]
@HAPROXY[1]
def test_haproxy_takes_it() -> None:
    assert "WARNING" not in said("haproxy", "-c", "-f", str(DEPLOY / "haproxy.cfg"))


@NGINX[0]
@NGINX[1]
def test_nginx_takes_it(tmp_path: Path) -> None:
    words = ("-e", str(tmp_path / "errors"), "-g", f"pid {tmp_path / 'pid'};")
    assert "warn" not in said("nginx", "-t", "-c", str(DEPLOY / "nginx.conf"), *words)


@SYSTEMD[0]
@SYSTEMD[1]
def test_systemd_takes_it(tmp_path: Path) -> None:
    unit = tmp_path / "qwenproxy.service"
    text = (DEPLOY / "qwenproxy.service").read_text()
    unit.write_text(text.replace("/opt/qwenproxy/bin/qwenproxy", sys.executable, 1))
    assert "Unknown" not in said("systemd-analyze", "verify", "--recursive-errors=no", "--man=no", str(unit))
