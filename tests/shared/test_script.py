"""Programs for Redis."""

from hashlib import sha1

from qwenproxy.shared.script import Script


def test_its_name_is_the_one_that_redis_gives_it() -> None:
    script = Script("local x = 1", "return x")
    assert script.text == "local x = 1\nreturn x"
    assert script.sha == sha1(script.text.encode()).hexdigest()
