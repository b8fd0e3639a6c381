"""Every method of the newest official client against the proxy: served, or refused for good, at once and clearly.

What becomes of each is kept in `tests/golden/surface.json`, of which the README's table is made.  With WRITE_TABLE set
(`WRITE_TABLE=yes ./scripts/test tests/e2e/test_surface.py`) a run writes there what it finds.
"""

import asyncio
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import orjson
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from tests.support import sdk
from tests.support.apps import Simulated, simulated
from tests.support.processes import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the client's own methods

GOLDEN = ROOT / "tests" / "golden" / "surface.json"
PATIENCE = 20.0  # s for one method
SERVED, LOCAL = "served", "no request"
REFUSALS = {"404 unsupported_endpoint", "404 model_not_found", "426 websocket_not_supported"}
UNKNOWN_ID = "404 None"
"""What is served, but not for an id that was made up."""
LOCAL_ONLY = {
    "beta.agents.environments.files.prepare",
    "beta.agents.environments.files.prepare_directory",
    "beta.agents.sessions.artifacts.for_result",
    "webhooks.unwrap",
    "webhooks.verify_signature",
}
"""Methods that ask nobody."""
LENIENT = {"responses.compact", "beta.responses.compact"}
"""Methods whose answer the client does not take strictly, of OpenAI itself: no user speaks in the types of output."""
UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname, UNVERIFIED.verify_mode = False, ssl.CERT_NONE
BY_TLS: Mapping[str, Any] = {"beta.realtime.connect": {"websocket_connection_options": {"ssl": UNVERIFIED}}}
"""What is asked for by TLS whatever the base URL says; the proxy answers that on the same port."""
CLIENT = openai.OpenAI(api_key="x", admin_api_key="y", webhook_secret="whsec_eA==")


@dataclass
class Called:
    """What one method asked for, and how it was answered."""

    requests: list[str] = field(default_factory=list)
    outcome: str = ""
    told: str = ""
    """The message of a refusal."""

    def line(self) -> Mapping[str, Any]:
        return {"requests": self.requests, "outcome": self.outcome}


class Observer:
    """The client as it comes, retries too, and all its requests."""

    def __init__(self, base_url: str) -> None:
        self.called = Called()
        http = openai.DefaultHttpxClient(trust_env=False, event_hooks={"request": [self._note]})
        self.client = openai.OpenAI(
            base_url=base_url,
            api_key="x",
            admin_api_key="y",
            webhook_secret="whsec_eA==",
            http_client=http,
            _strict_response_validation=True,
        )
        self.methods = sdk.methods(self.client)

    def _note(self, request: Any) -> None:
        path = request.url.path.replace(sdk.MODEL, "{model}")
        self.called.requests.append(f"{request.method} {re.sub(f'{sdk.MADE}([a-z_]+)', '{\\1}', path)}")

    def call(self, name: str) -> Called:
        """Calls the method *name*."""
        self.called = Called()
        method = self.methods[name]
        self.client._strict_response_validation = name not in LENIENT
        try:
            sdk.exhaust(method(**sdk.arguments(name, method), **BY_TLS.get(name, {})))
        except openai.APIStatusError as e:
            self.called.outcome, self.called.told = f"{e.status_code} {e.code}", e.message
            if self.called.outcome == UNKNOWN_ID:
                self.called.outcome = SERVED
        except InvalidStatus as e:
            error = orjson.loads(e.response.body or b"{}")["error"]
            self.called.requests = ["WebSocket"]
            self.called.outcome, self.called.told = f"{e.response.status_code} {error['code']}", error["message"]
        except (openai.OpenAIError, OSError, TypeError, ValueError):
            if self.called.requests or name not in LOCAL_ONLY:
                raise
            self.called.outcome = LOCAL
        else:
            self.called.requests += ["WebSocket"] if name.endswith(".connect") else []
            self.called.outcome = SERVED if self.called.requests else LOCAL
        return self.called


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> Any:
    async with simulated(confdir) as found:
        yield found


@pytest.fixture(scope="module")
def observer(stage: Simulated) -> Iterator[Observer]:
    found = Observer(stage.proxy.base_url)
    yield found
    found.client.close()


def kept() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(GOLDEN.read_bytes()) if GOLDEN.exists() else {}
    return found


def write(name: str, called: Called) -> None:
    """Put what was found into the golden file, in the client's order."""
    lines = {**kept(), name: called.line()}
    in_order = {name: lines[name] for name in METHODS if name in lines}
    GOLDEN.write_bytes(orjson.dumps(in_order, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


METHODS = list(sdk.methods(CLIENT))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", METHODS)
async def test_every_method_is_served_or_refused_clearly(observer: Observer, name: str) -> None:
    called = await asyncio.wait_for(asyncio.to_thread(observer.call, name), PATIENCE)
    if os.environ.get("WRITE_TABLE"):
        write(name, called)
    if called.outcome not in (SERVED, LOCAL):
        assert called.outcome in REFUSALS
        assert len(called.requests) == 1, "and not tried again"
        assert "This proxy answers with Qwen and serves " in called.told or called.outcome != "404 unsupported_endpoint"
    assert called.line() == kept().get(name)


def test_each_method_has_its_line() -> None:
    assert list(kept()) == METHODS
    assert {name for name, line in kept().items() if line["outcome"] == LOCAL} == LOCAL_ONLY


def test_the_client_is_the_whole_of_it() -> None:
    assert len(METHODS) > 400
    assert {"chat.completions.create", "admin.organization.usage.costs", "realtime.connect"} < set(METHODS)
