"""What was used is kept over restarts, and told by `qwenproxy usage`."""

from pathlib import Path
from signal import SIGTERM

import orjson

from tests.support.clients import CHAT, HELLO
from tests.support.commands import called
from tests.support.stage import ANSWER, RUNNING, stage
from tests.support.upstream import whole

USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


async def test_two_runs_add_up(tmp_path: Path, confdir: Path) -> None:
    keys = {"client_keys": "sk-ann,sk-bob"}
    for key in ("sk-ann", "sk-bob"):
        async with stage(tmp_path, confdir, RUNNING, keys) as found:
            await found.says(whole(ANSWER | {"usage": USAGE}))
            async with found.local() as app:
                for shown in (key, "sk-ann", "sk-nobody"):
                    await app.ask("POST", CHAT, HELLO, authorization=f"Bearer {shown}")
            found.process.process.send_signal(SIGTERM)
            await found.process.ended()
    ended = await called(tmp_path, "usage", "--json")
    assert (ended.status, ended.err) == (0, "")
    rows = orjson.loads(ended.out)
    assert sorted((row["requests"], row["errors"], row["prompt_tokens"]) for row in rows) == [(1, 0, 7), (3, 0, 21)]
    assert {len(row["key"]) for row in rows} == {8}
    assert "sk-" not in ended.out
