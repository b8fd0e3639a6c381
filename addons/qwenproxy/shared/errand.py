"""One step on a Redis for those who may wait: in a thread, in a command, at the end of a process."""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from qwenproxy.shared.link import Away, Word, line_of
from qwenproxy.shared.script import Script

PATIENCE = 2.0
"""Seconds until it is reached, and as many for its answer."""


def run(url: str, password: str, script: Script, arguments: Sequence[Word]) -> Any:
    """What *script* returns at *url*, in which there is no password, over a connection of its own.

    Raises Away; whether the step was made is not known then.
    """
    secret = {"password": password} if password else {}
    client = Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        **secret,
    )
    try:
        return client.eval(script.text, 0, *arguments)
    except (RedisError, OSError) as e:
        raise Away(f"{url} cannot be reached: {line_of(url, e)}") from None
    finally:
        client.close()
