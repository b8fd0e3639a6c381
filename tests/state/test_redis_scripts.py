"""The programs of the store in a Redis: what they do is in the tests of the stores; here, that none is another."""

from qwenproxy.shared.script import Script
from qwenproxy.state import redis_scripts


def test_each_is_another() -> None:
    scripts = [each for each in vars(redis_scripts).values() if isinstance(each, Script)]
    assert len({each.sha for each in scripts}) == len(scripts) > 15
