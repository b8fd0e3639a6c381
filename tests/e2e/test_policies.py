"""What the operator's settings, and the kind of upstream, make of an answer."""

from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from openai import AuthenticationError, BadRequestError, InternalServerError

from tests.support.apps import IN_TWO_CITIES, RIGA, WEATHER, App, scripted, simulated
from tests.support.completions import USAGE, completion, event, finish, refused, said, streamed
from tests.support.heard import hear
from tests.support.proxy import proxy
from tests.support.upstream import stream, upstream


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_thinking_can_be_hidden(confdir: Path, stream: bool) -> None:
    async with simulated(confdir, reasoning="hide") as stage, aiohttp.ClientSession() as http:
        heard = await hear(http, stage.proxy.base_url, "Hello", stream=stream)
        assert "reasoning_content" not in heard.message
        assert (heard.finish, heard.error) == ("stop", None)
        assert heard.usage is not None
        assert heard.usage["completion_tokens_details"]["reasoning_tokens"] > 0


@pytest.mark.parametrize("field", [{"logit_bias": {"1": 5}}, {"verbosity": "low"}, {"nonsense": 1}])
async def test_what_qwen_has_not_can_be_refused(confdir: Path, field: dict[str, Any]) -> None:
    (name,) = field
    async with simulated(confdir, unsupported="refuse") as stage:
        with pytest.raises(BadRequestError, match="is not supported") as caught:
            await stage.app.ask(extra_body=field)
        assert caught.value.param == name
        assert stage.asked() == []


async def test_other_names_become_the_default_model_unless_there_is_an_image(confdir: Path) -> None:
    async with simulated(confdir, default_model="qwen3-coder-plus") as stage:
        await stage.app.ask(model="gpt-4o")
        image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
        await stage.app.ask([{"role": "user", "content": [image]}], model="gpt-4o")
        assert [body["model"] for body in stage.asked()] == ["qwen3-coder-plus", "qwen3.7-plus"]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_a_refusal_of_the_models_is_said_as_such(confdir: Path, streams: bool) -> None:
    words = "I cannot help with that."
    delta = event({"index": 0, "delta": {"role": "assistant", "refusal": words}, "finish_reason": None})
    reply = stream(delta, finish()) if streams else completion("", refusal=words)
    async with scripted(confdir, reply) as stage, aiohttp.ClientSession() as http:
        heard = await hear(http, stage.proxy.base_url, "Hello", model="qwen3-coder-plus", stream=streams)
        assert heard.message["refusal"] == words
        assert heard.message["content"] is None or heard.text == ""


LEAKED = f'<tool_call>\n{{"name": "get_weather", "arguments": {RIGA}}}\n</tool_call>'


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_a_server_of_ones_own_may_write_its_calls_as_text(confdir: Path, streams: bool) -> None:
    reply = streamed(LEAKED[:20], LEAKED[20:]) if streams else completion(LEAKED)
    async with upstream(reply) as own, aiohttp.ClientSession() as http:
        environ = {"QWENPROXY_UPSTREAM": own.base_url, "QWENPROXY_AUTH": "none"}
        async with proxy(environ, confdir) as running:
            heard = await hear(
                http, running.base_url, IN_TWO_CITIES, model="qwen3:8b", stream=streams, tools=[WEATHER], top_k=5
            )
        assert [(name, orjson.loads(text)) for name, text in heard.calls] == [("get_weather", {"city": "Riga"})]
        assert heard.finish == "tool_calls"
        (asked,) = own.asked
        assert "authorization" not in asked.headers
        assert (asked.json["model"], asked.json["top_k"]) == ("qwen3:8b", 5)


async def test_a_rotated_key_is_read_again(confdir: Path, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-old\n")
    refusal = refused(401, "Incorrect API key provided.", code="invalid_api_key")
    async with upstream(refusal, completion()) as found:
        environ = {"QWENPROXY_UPSTREAM": found.base_url, "QWENPROXY_API_KEY_FILE": str(file)}
        async with proxy(environ, confdir) as running, App(running.base_url) as app:
            file.write_text("sk-new\n")
            assert (await app.ask()).choices[0].message.content == "Hello!"
        assert [asked.headers["authorization"] for asked in found.asked] == ["Bearer sk-old", "Bearer sk-new"]


async def test_a_refused_key_is_not_tried_again(confdir: Path) -> None:
    async with scripted(confdir, refused(401, "No.", code="invalid_api_key"), max_retries=2) as stage:
        with pytest.raises(AuthenticationError, match="the upstream's key or login that was refused, not the app's"):
            await stage.app.ask()
        assert len(stage.upstream.asked) == 1


async def test_without_a_key_every_call_says_how_to_give_one(confdir: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with proxy({}, confdir) as running, App(running.base_url, max_retries=2) as app:
        with pytest.raises(AuthenticationError, match="set QWENPROXY_API_KEY"):
            await app.ask()
        assert app.waits == []
    assert [record.levelname for record in caplog.records if "has no key" in record.getMessage()] == ["WARNING"]


async def test_an_upstream_that_is_not_there_is_named(confdir: Path) -> None:
    async with upstream() as gone:
        pass
    environ = {"QWENPROXY_UPSTREAM": gone.base_url, "QWENPROXY_AUTH": "none"}
    async with proxy(environ, confdir) as running, App(running.base_url) as app:
        with pytest.raises(InternalServerError, match=f"the upstream {gone.base_url} could not be reached") as caught:
            await app.ask()
        assert (caught.value.status_code, caught.value.code) == (502, "upstream_unreachable")


async def test_a_redirect_is_not_followed(confdir: Path) -> None:
    """It would take the prompt, and the key, to a host that nobody has named."""
    async with upstream(completion()) as elsewhere:
        moved = refused(307, "", headers={"location": f"{elsewhere.base_url}/chat/completions"})
        async with scripted(confdir, moved) as stage:
            with pytest.raises(InternalServerError):
                await stage.app.ask()
        assert elsewhere.asked == []


async def test_counts_are_passed_on_as_the_upstream_tells_them(confdir: Path) -> None:
    async with scripted(confdir, stream(said("Hello"), finish(), event(usage=USAGE))) as stage:
        answer = await stage.app.ask()
        assert answer.usage is not None
        assert {name: getattr(answer.usage, name) for name in USAGE} == USAGE
