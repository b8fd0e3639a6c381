"""mitmproxy's options, and what they say by default."""

from pathlib import Path

from mitmproxy import ctx
from mitmproxy.options import Options

from qwenproxy.addon import QwenProxy
from qwenproxy.commands.master import LeanMaster
from qwenproxy.flows import options
from qwenproxy.settings import load


def prepare() -> None:
    """Options of mitmproxy and of ours."""
    LeanMaster(Options(listen_host="127.0.0.1")).addons.add(QwenProxy({}))


async def test_a_default_is_not_what_the_user_has_set() -> None:
    prepare()
    assert not options.is_set("qwen_heartbeat")
    ctx.options.update(qwen_heartbeat="15")
    assert options.is_set("qwen_heartbeat"), "even if it says the same"


async def test_defaults_follow_the_settings_and_what_is_set_stays() -> None:
    prepare()
    ctx.options.update(qwen_unsupported="refuse")
    before = options.defaults()
    assert before["qwen_heartbeat"] == "15"
    others = load({"QWENPROXY_HEARTBEAT": "3", "QWENPROXY_UNSUPPORTED": "drop"}, Path("/"))
    options.set_defaults(options.defaults_by(others))
    assert (ctx.options.qwen_heartbeat, ctx.options.qwen_unsupported) == ("3", "refuse")
    options.set_defaults(before)
    assert ctx.options.qwen_heartbeat == "15"
