"""The files for those who run several machines: each is read by the program that it is for, where that is here."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from ruamel.yaml import YAML

from qwenproxy.flows.listeners import PROBES
from qwenproxy.settings import ROWS, Settings
from tests.support.services import needs

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "scripts" / "deploy"
HAPROXY, NGINX, SYSTEMD = needs("haproxy"), needs("nginx"), needs("systemd-analyze")
KUBERNETES = needs("kubernetes-validate")
OF_HAPROXY = {"BIND", "ONE", "TWO", "THREE"}

LEAVE = Settings().drain_timeout + 10
"""Seconds that the proxy may take to end, and its launcher after it."""


def documents(name: str) -> list[Any]:
    return list(YAML(typ="safe").load_all((DEPLOY / name).read_text()))


def instruction(name: str) -> str:
    """What the image's last instruction *name* says."""
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    return [rest for line in lines for word, _, rest in [line.partition(" ")] if word == name][-1]


def listened_at() -> str:
    """The port in the image."""
    words: list[str] = orjson.loads(instruction("ENTRYPOINT"))
    assert instruction("EXPOSE") == words[words.index("--port") + 1]
    return instruction("EXPOSE")


@pytest.mark.parametrize("file", sorted(filter(Path.is_file, DEPLOY.rglob("*"))), ids=lambda file: file.name)
def test_every_variable_is_a_setting(file: Path) -> None:
    named = set(re.findall(r"QWENPROXY_([A-Z_]+)", file.read_text()))
    assert not {name for name in named - OF_HAPROXY if name.lower() not in ROWS}


def test_in_kubernetes_all_is_about_the_same_pods() -> None:
    found = {each["kind"]: each["spec"] for each in documents("kubernetes.yaml")}
    assert set(found) == {"Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget"}
    template = found["Deployment"]["template"]
    labels = template["metadata"]["labels"]
    chosen = [found["Deployment"]["selector"], *template["spec"]["topologySpreadConstraints"]]
    chosen += [found["NetworkPolicy"]["podSelector"], found["PodDisruptionBudget"]["selector"]]
    assert all(each.get("labelSelector", each)["matchLabels"] == labels for each in chosen)
    assert found["Service"]["selector"] == labels
    assert found["PodDisruptionBudget"]["minAvailable"] < found["Deployment"]["replicas"]
    (container,) = template["spec"]["containers"]
    (port,) = container["ports"]
    probes = [container[f"{name}Probe"]["httpGet"]["port"] for name in ("startup", "liveness", "readiness")]
    targets = [each["targetPort"] for each in found["Service"]["ports"]]
    allowed = [each["port"] for rule in found["NetworkPolicy"]["ingress"] for each in rule["ports"]]
    assert {*probes, *targets, *allowed} == {port["name"]}
    assert str(port["containerPort"]) == listened_at()


def test_in_kubernetes_it_has_the_time_to_end_and_is_asked_where_it_answers() -> None:
    pod = documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (wait,) = [int(word) for word in container["lifecycle"]["preStop"]["exec"]["command"] if word.isdecimal()]
    assert pod["terminationGracePeriodSeconds"] >= wait + LEAVE
    asked = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert asked == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert set(asked.values()) <= set(PROBES)


def test_in_kubernetes_it_may_do_no_more_than_it_must() -> None:
    pod = documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    context = pod["securityContext"]
    assert context["runAsNonRoot"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == instruction("USER")
    assert context["fsGroup"] == context["runAsGroup"], "it may read the secrets"
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert set(mounts.values()) == {each["name"] for each in pod["volumes"]}
    assert {instruction("WORKDIR"), "/tmp"} <= mounts.keys(), "the rest is read only"
    files = {each["name"]: each["value"] for each in container["env"] if each["name"].endswith("_FILE")}
    assert all(Path(file).parent == Path("/etc/qwenproxy") for file in files.values())


def test_in_compose_all_that_is_named_is_there() -> None:
    (compose,) = documents("compose.yaml")
    proxies = [compose["services"][name] for name in ("one", "two", "three")]
    assert compose["services"].keys() == {"one", "two", "three", "haproxy", "redis"}
    for proxy in proxies:
        assert (DEPLOY / proxy["build"]["context"]).resolve() == ROOT
        assert set(proxy["secrets"]) == set(compose["secrets"])
        files = {value for name, value in proxy["environment"].items() if name.endswith("_FILE")}
        assert files == {f"/run/secrets/{name}" for name in compose["secrets"]}
        assert int(proxy["stop_grace_period"].removesuffix("s")) >= LEAVE
        assert proxy["read_only"]
        assert (proxy["volumes"], proxy["tmpfs"]) == ([instruction("WORKDIR")], ["/tmp"])
        assert f"http://127.0.0.1:{listened_at()}/healthz" in proxy["healthcheck"]["test"][-1]
    ignored = (ROOT / ".gitignore").read_text().split()
    assert all(f"scripts/deploy/{Path(each['file']).parent}/" in ignored for each in compose["secrets"].values())


def test_the_container_is_made_of_what_is_there() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = [words[1:-1] for line in lines if (words := line.split())[:1] == ["COPY"] and "--from" not in line]
    assert copied
    assert all((ROOT / name).exists() for names in copied for name in names)
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(sent) == sorted(name for names in copied for name in names)


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


@KUBERNETES[0]
@KUBERNETES[1]
@pytest.mark.parametrize("version", ["1.25", "1.29", "1.33", "1.37"])
def test_kubernetes_knows_every_field(version: str) -> None:
    file = str(DEPLOY / "kubernetes.yaml")
    told = said("kubernetes-validate", "--kubernetes-version", version, "--strict", file)
    assert told.count("passed") == len(documents("kubernetes.yaml"))
