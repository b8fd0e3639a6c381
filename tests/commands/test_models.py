"""`qwenproxy models`: what it shows, and with which exit status."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from qwenproxy import cli
from qwenproxy.commands.models import size
from qwenproxy.models import UNKNOWN
from tests.support.commands import TOKENS, Ended, Home, called
from tests.support.upstream import upstream, whole

type Models = Callable[..., Ended]
KEY = "sk-0123456789abcdef"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def models(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Models:
    """Calls it in this process."""
    monkeypatch.chdir(home.path)

    def call(*words: str, **settings: str) -> Ended:
        for name, value in home.environ(**settings).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as caught:
            cli.main(["models", *words])
        out, err = capsys.readouterr()
        assert not [secret for secret in (*TOKENS, KEY) if secret in out + err]
        return Ended(int(str(caught.value.code)), out, err)

    return call


def test_a_table_shows_limits_and_abilities(models: Models) -> None:
    found = models("--offline", api_key=KEY, models='{"gpt-4o*": "qwen-plus"}')
    assert (found.status, found.err) == (0, "")
    title, _, headings, *rows = found.out.splitlines()
    assert title == "● https://dashscope.aliyuncs.com/compatible-mode/v1 (standard), API key: not asked"
    assert headings.split() == ["model", "context", "output", "thinking", "can"]
    told = {row.split()[0]: row.split()[1:] for row in rows if row}
    assert told["qwen3.8-max"][:3] == ["1M", "128k", "on"]
    assert told["qwen3-coder-plus"][:4] == ["1M", "64k", "never", "tools"]
    assert told["gpt-4o*"] == ["qwen-plus"]
    assert told["any"] == ["other", "name", "qwen3.7-plus"]
    starts = {row.index(row.split()[1]) for row in rows[:10]}
    assert len(starts) == 1, "columns stand below each other"


def test_names_that_are_asked_for_are_shown_alone(models: Models) -> None:
    found = models("--offline", "gpt-5", api_key=KEY)
    assert found.out.splitlines()[3].split()[0] == "qwen3.7-plus"
    assert found.out.splitlines()[-1].split() == ["gpt-5", "qwen3.7-plus"]
    assert "any other name" not in found.out


def test_as_json_it_says_the_same(models: Models) -> None:
    found = models("--offline", "--json", api_key=KEY)
    (offering,) = orjson.loads(found.out)["credentials"]
    assert (offering["credential"], offering["plan"], offering["listed"]) == ("api_key", "standard", None)
    assert offering["others"] == "qwen3.7-plus"
    (coder,) = [model for model in offering["models"] if model["id"] == "qwen3-coder-plus"]
    assert (coder["context"], coder["max_output"], coder["thinking"]) == (1_000_000, 65_536, "never")


def test_a_credential_that_others_follow_is_marked_so(home: Home, models: Models) -> None:
    home.keep()
    titles = [line for line in models("--offline", api_key=KEY).out.splitlines() if line.startswith("●")]
    assert (
        titles[1] == "● https://portal.qwen.ai/v1 (oauth-portal), OAuth login, used when the one above fails: not asked"
    )


def test_an_upstream_that_cannot_be_asked_is_status_1_and_the_table_there_all_the_same(models: Models) -> None:
    found = models()
    assert found.status == 1
    assert "no credential: it lists none" in found.out
    assert "qwen3.7-plus" in found.out
    assert found.out.splitlines()[-1].startswith("! Not asked: there is no key and no login; `qwenproxy status`")


def test_wrong_settings_are_status_2(models: Models) -> None:
    found = models("--offline", dialect="dashscope", upstream="https://coding.dashscope.aliyuncs.com/v1", api_key=KEY)
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith("qwenproxy models: QWENPROXY_DIALECT: ")


async def test_a_process_shows_what_the_upstream_lists(home: Home) -> None:
    async with upstream(whole({"data": [{"id": "qwen3:8b", "max_model_len": 40_960}]})) as qwen:
        found = await called(home.path, "models", upstream=qwen.base_url, api_key=KEY)
    assert (found.status, found.err) == (0, "")
    assert f"{qwen.base_url} (self-hosted), API key: it lists 1 model" in found.out
    assert "  qwen3:8b  40k      16k     on        tools json schema" in found.out
    assert KEY not in found.out


SIZES = [
    (None, "?"),
    (UNKNOWN, "?"),
    (1_000_000, "1M"),
    (1_048_576, "1.05M"),
    (262_144, "256k"),
    (8_192, "8k"),
    (500, "0.488k"),
]


@pytest.mark.parametrize(("tokens", "text"), SIZES, ids=[row[1] for row in SIZES])
def test_sizes_are_written_as_people_do(tokens: int | None, text: str) -> None:
    assert size(tokens) == text
