"""A Redis over TLS, as it is outside of one machine: authorities, users, and what goes wrong with each."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import openai
import orjson
from redis.asyncio import Redis

from qwenproxy.shared import errand
from qwenproxy.shared.link import Away, Link
from qwenproxy.shared.script import Script
from qwenproxy.simulator.server import Simulator
from tests.support import certificates
from tests.support.processes import QWENPROXY, authority, clean, running
from tests.support.services import RedisServer, free_port, needs, redis_server

pytestmark = needs("redis-server")

PASSWORD = "hidden-password"
KEY = "k" * 32
ONE = Script("return 1")
RULES = ("on", f">{PASSWORD}", "~qwenproxy:*", "+@all", "-@dangerous")
"""What README tells to give to the user of a proxy."""


@dataclass
class Files:
    """An authority, certificates for 127.0.0.1, and their keys."""

    folder: Path

    def __post_init__(self) -> None:
        now = time.time()
        ours, foreign = (certificates.authority(begins=now - 3600, ends=now + 86_400) for _ in range(2))
        (self.folder / "ca.pem").write_bytes(ours.pem)
        (self.folder / "foreign.pem").write_bytes(foreign.pem)
        (self.folder / "none.pem").write_text("no certificate")
        for name, made in {
            "redis": certificates.server(ours, now - 3600, now + 86_400),
            "expired": certificates.server(ours, now - 7200, now - 3600),
            "own": certificates.server(ours, now - 3600, now + 86_400),
            "stranger": certificates.server(foreign, now - 3600, now + 86_400),
        }.items():
            (self.folder / f"{name}.pem").write_bytes(made.pem)
            (self.folder / f"{name}.key").write_bytes(made.key_pem)

    def query(self, ca: str = "ca", own: str = "", key: str = "") -> str:
        """What follows the question mark of an address."""
        words = {"ssl_ca_certs": f"{ca}.pem"} if ca else {}
        words |= {"ssl_certfile": f"{own}.pem", "ssl_keyfile": f"{key or own}.key"} if own else {}
        return "&".join(f"{name}={self.folder / file}" for name, file in words.items())


@dataclass
class Encrypted:
    """A Redis with a port for TLS and one without, and the user `ann`."""

    server: RedisServer
    port: int
    files: Files

    def url(self, query: str, user: str = "ann@", host: str = "127.0.0.1") -> str:
        return f"rediss://{user}{host}:{self.port}/0?{query}"


@asynccontextmanager
async def encrypted(folder: Path, certificate: str = "redis", clients: str = "no") -> AsyncIterator[Encrypted]:
    """*clients*: whether it asks them for certificates."""
    files, port = Files(folder), free_port()
    told = {
        "tls-port": port,
        "tls-cert-file": folder / f"{certificate}.pem",
        "tls-key-file": folder / f"{certificate}.key",
        "tls-ca-cert-file": folder / "ca.pem",
        "tls-auth-clients": clients,
    }
    async with redis_server(folder, told=told) as server:
        admin = Redis(unix_socket_path=str(server.socket))
        await admin.execute_command("ACL", "SETUSER", "ann", *RULES)
        await admin.execute_command("ACL", "SETUSER", "reader", "on", f">{PASSWORD}", "~*", "+@read")
        await admin.aclose()
        yield Encrypted(server, port, files)


async def outcomes(url: str, password: str = PASSWORD) -> list[str]:
    """What comes of a call by each of the two ways: "" if all is well."""
    found = []
    link = Link(url, password, budget=2.0)
    for call in (lambda: link.run(ONE, ()), lambda: _errand(url, password)):
        try:
            assert await call() == 1
            found.append("")
        except Away as e:
            found.append(str(e))
    await link.close()
    assert PASSWORD not in "".join(found)
    return found


async def _errand(url: str, password: str) -> object:
    return errand.run(url, password, ONE, ())


async def test_an_authority_of_ones_own_and_a_user_with_few_rights(tmp_path: Path) -> None:
    async with encrypted(tmp_path) as redis:
        query = redis.files.query
        assert await outcomes(redis.url(query())) == ["", ""]
        assert await outcomes(redis.url(query(), user=""), "") == ["", ""], "no user of its own"
        plain = f"rediss://ann@127.0.0.1:{redis.server.port}/0?{query()}"
        for url, told in {
            redis.url(query("")): "name the file of the one who did, as in rediss://host:6379/0?ssl_ca_certs=",
            redis.url(query("foreign")): "nobody whom this machine trusts has signed its certificate",
            redis.url(query("none")): "one of the files that the address names holds no certificate",
            redis.url(query(), host="localhost"): "its certificate is for another name",
            redis.url(query(), user="reader@"): "all commands but the dangerous ones on keys qwenproxy:*",
            redis.url(query(), user="nobody@"): "see to the user in the address",
            f"redis://ann@127.0.0.1:{redis.port}/0": "if it speaks TLS at this port, write rediss://",
        }.items():
            for said in await outcomes(url):
                assert said.startswith(url)
                assert told in said
        assert all("if it speaks no TLS at this port, write redis://" in said for said in await outcomes(plain))
        assert all("see to the user" in said for said in await outcomes(redis.url(query()), "another"))


async def test_a_certificate_that_has_run_out(tmp_path: Path) -> None:
    async with encrypted(tmp_path, "expired") as redis:
        for said in await outcomes(redis.url(redis.files.query())):
            assert "certificate has expired (renew its certificate, or see to the clock of this machine)" in said


async def test_one_that_asks_for_a_certificate_of_ours(tmp_path: Path) -> None:
    async with encrypted(tmp_path, clients="yes") as redis:
        query = redis.files.query
        assert await outcomes(redis.url(query(own="own"))) == ["", ""]
        for url, told in {
            redis.url(query()): "add ssl_certfile=",
            redis.url(query(own="stranger")): "add ssl_certfile=",
            redis.url(query(own="own", key="redis")): "ssl_keyfile is not the key of the certificate in ssl_certfile",
        }.items():
            for said in await outcomes(url):
                assert told in said


async def test_whole_proxies_share_what_they_keep_and_the_doctor_tells(tmp_path: Path) -> None:
    authority(tmp_path / "mitmproxy")
    qwen = Simulator(pace=0.001)
    await qwen.start()
    async with encrypted(tmp_path, clients="yes") as redis, AsyncExitStack() as stack:
        stack.push_async_callback(qwen.stop)
        state = redis.url(redis.files.query(own="own"), user=f"ann:{PASSWORD}@")
        known = {"upstream": f"{qwen.base_url}/compatible-mode/v1", "api_key": qwen.key, "rate_limit": "1000/minute"}
        environ = clean(tmp_path, state=state, state_keys=KEY, **known)
        words = (*QWENPROXY, "run", "--port", "0", "--no-proxy-port", "--set", f"confdir={tmp_path / 'mitmproxy'}")
        proxies = [await stack.enter_async_context(running(words, environ, ready="listening")) for _ in range(2)]
        addresses = [each.output.split("reverse=")[1].split()[0] for each in proxies]
        one, two = (openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="sk-app") for address in addresses)
        stack.push_async_callback(one.close)
        stack.push_async_callback(two.close)
        made = await one.responses.create(model="qwen3-coder-plus", input="Hello")
        assert (await two.responses.retrieve(made.id)).output_text == made.output_text
        for given, level, told in (
            (environ, "ok", "written to within"),
            (clean(tmp_path, state=redis.url(redis.files.query("foreign")), **known), "fail", "nobody whom"),
        ):
            doctor = await stack.enter_async_context(running((*QWENPROXY, "doctor", "--json"), given))
            await doctor.ended()
            (finding,) = [each for each in orjson.loads(doctor.output)["findings"] if each["name"] == "state"]
            assert (finding["level"], told in finding["what"]) == (level, True)
        for stopped in proxies:
            stopped.process.terminate()
            assert await stopped.process.wait() == 0
            assert "shared state" not in stopped.output, "nothing was refused to this user"
            assert PASSWORD not in stopped.output
