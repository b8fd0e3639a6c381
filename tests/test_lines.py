"""A line to Qwen: an upstream with its credential."""

from dataclasses import replace
from typing import Any

import pytest

from qwenproxy.auth.credentials import ApiKey, NoCredential
from qwenproxy.dialects.base import UpstreamRequest
from qwenproxy.errors import ProxyError
from qwenproxy.lines import ROWS_KEPT, USER_AGENT, Line
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream
from tests.support import upstream as scripted


class Login:
    """A credential whose login names another API."""

    name = "oauth"

    def __init__(self) -> None:
        self.base_url = "https://portal.qwen.ai/v1"

    async def token(self) -> str:
        return "at"

    async def renew(self, refused: str | None) -> bool:
        return False


def line(address: str, **settings: Any) -> Line:
    upstream = Upstream(address, NoCredential(), idle_timeout=1.0)
    return Line(upstream, replace(Settings(), **settings))


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "standard"),
        ("https://coding.dashscope.aliyuncs.com/v1", "coding-plan"),
        ("http://127.0.0.1:8000/v1", "self-hosted"),
    ],
)
def test_its_kind_follows_from_its_address(address: str, kind: str) -> None:
    assert line(address).plan.name == kind


def test_its_kind_changes_with_the_login() -> None:
    login = Login()
    found = Line(Upstream("", login, idle_timeout=1.0), Settings())
    assert found.plan.name == "oauth-portal"
    found.learn("coder-model", replace(found.row("coder-model"), max_output=7))
    login.base_url = "https://dashscope.aliyuncs.com/compatible-mode/v1"
    assert found.plan.name == "standard"
    assert found.row("coder-model").max_output != 7, "what one upstream teaches says nothing about another"


def test_what_is_learned_is_kept_by_model() -> None:
    found = line("https://dashscope.aliyuncs.com/compatible-mode/v1")
    found.learn("qwen-plus", replace(found.row("qwen-plus"), max_output=100))
    assert found.row("qwen-plus").max_output == 100
    assert found.row("qwen-flash").max_output != 100


def test_apps_that_invent_models_do_not_fill_memory() -> None:
    found = line("http://127.0.0.1:8000/v1")
    row = found.row("x")
    for number in range(2 * ROWS_KEPT):
        found.learn(f"model-{number}", row)
        found.learn_batch(f"model-{number}", 5)
    assert (len(found.learned), len(found.batches)) == (ROWS_KEPT, ROWS_KEPT)


def test_a_request_with_images_goes_to_a_model_that_sees() -> None:
    found = line("https://dashscope.aliyuncs.com/compatible-mode/v1", default_model="qwen3-coder-plus")
    assert found.resolve("gpt-4o", images=False) == "qwen3-coder-plus"
    assert found.row(found.resolve("gpt-4o", images=True)).vision


def test_the_operators_aliases_come_first() -> None:
    found = line("https://dashscope.aliyuncs.com/compatible-mode/v1", models={"gpt-4o*": "qwen-max"})
    assert found.resolve("gpt-4o-mini", images=False) == "qwen-max"


@pytest.mark.parametrize(
    ("address", "app", "sent"),
    [
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "aider/1", USER_AGENT),
        ("https://coding.dashscope.aliyuncs.com/v1", "aider/1", "aider/1"),
        ("https://coding.dashscope.aliyuncs.com/v1", "", USER_AGENT),
    ],
)
def test_the_user_agent_is_honest(address: str, app: str, sent: str) -> None:
    assert line(address).user_agent(app) == sent


GATEWAY = "http://127.0.0.1:8000/v1beta"


def test_its_successor_goes_on_with_what_it_knows() -> None:
    """What a dialect remembers, signatures of calls, is wanted again."""
    before, after = line(GATEWAY), line(GATEWAY, reasoning="hide")
    before.learn("qwen-plus", replace(before.row("qwen-plus"), max_output=7))
    after.inherit(before)
    assert after.dialect is before.dialect
    assert after.gate is before.gate
    assert after.row("qwen-plus").max_output == 7


def test_what_leads_elsewhere_is_no_successor() -> None:
    before, after = line(GATEWAY), line("http://127.0.0.1:8000/v1")
    own = after.dialect
    after.inherit(before)
    assert after.dialect is own


ASKED = UpstreamRequest("/chat/completions", {}, b"{}", stream=False)
CREDENTIALS = [(401, True), (429, False), (500, False)]


@pytest.mark.parametrize(("status", "against"), CREDENTIALS)
async def test_a_refused_credential_is_remembered_until_it_is_taken(status: int, against: bool) -> None:
    async with scripted.upstream(scripted.whole({"error": {}}, status=status), scripted.whole({})) as server:
        line = Line(Upstream(server.base_url, ApiKey("sk-1"), idle_timeout=5), Settings())
        with pytest.raises(ProxyError):
            await line.open(ASKED, "app/1")
        assert (line.refused is not None, line.worked) == (against, False)
        answer = await line.open(ASKED, "app/1")
        await answer.close()
        assert (line.refused, line.worked) == (None, True)
        await line.upstream.retire()
