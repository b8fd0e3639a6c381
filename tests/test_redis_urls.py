"""Addresses of a Redis."""

import pytest

from qwenproxy import redis_urls

GOOD = [
    "redis://h",
    "redis://h:6379/0",
    "rediss://u:p@h:1/2?ssl_ca_certs=/ca.pem",
    "rediss://h?ssl_certfile=/own.pem&ssl_keyfile=/own.key",
    "unix:///run/r.sock?db=3",
    "redis://[::1]:1",
]


@pytest.mark.parametrize("text", GOOD)
def test_an_address_stays_as_it_is(text: str) -> None:
    assert redis_urls.is_one(text)
    assert redis_urls.checked(text) == text


WRONG = {
    "http://hidden": "begins with redis://",
    "redis://": "names no host",
    "unix://hidden": "names no host, or no socket",
    "redis://h:0": "names no host",
    "redis://hidden:x": "cannot be read",
    "redis://h/hidden": "number of a database",
    "rediss://h?ssl_cert_reqs=none": "may say db, ssl_ca_certs, ssl_certfile, ssl_keyfile, not ssl_cert_reqs",
    "redis://h?ssl_ca_certs=/ca.pem": "begins with redis:// may say db, not ssl_ca_certs",
    "rediss://h?ssl_keyfile=/own.key": "says ssl_certfile and ssl_keyfile both, or neither",
    "redis://h#hidden": "a fragment",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_one_is_refused_and_not_told(text: str) -> None:
    with pytest.raises(ValueError, match=WRONG[text]) as caught:
        redis_urls.checked(text)
    assert "hidden" not in str(caught.value)


FILES = {
    "rediss://h?ssl_keyfile=/own%20key&ssl_certfile=/own.pem": {"ssl_certfile": "/own.pem", "ssl_keyfile": "/own key"},
    "rediss://h?db=1": {},
    "/some/file?ssl_ca_certs=/ca.pem": {},
}


@pytest.mark.parametrize("text", FILES)
def test_the_files_that_it_names(text: str) -> None:
    assert redis_urls.files(text) == FILES[text]


PARTED = {
    "redis://:p%40w@h:1/2": ("redis://h:1/2", "p@w"),
    "redis://u:pw@h": ("redis://u@h", "pw"),
    "redis://u@h": ("redis://u@h", ""),
    "unix://:pw@/a/b?db=1": ("unix:///a/b?db=1", "pw"),
    "unix://u:pw@/a/b": ("unix://u@/a/b", "pw"),
    "/some/file:with@signs": ("/some/file:with@signs", ""),
    "memory": ("memory", ""),
}


@pytest.mark.parametrize("text", PARTED)
def test_a_password_is_parted_off(text: str) -> None:
    assert redis_urls.parted(text) == PARTED[text]
