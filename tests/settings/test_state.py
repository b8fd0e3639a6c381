"""The settings of the state."""

from pathlib import Path

import pytest

from qwenproxy.settings import Settings, load, options


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2_592_000.0), ("12h", 43_200.0), ("90 m", 5_400.0), ("45S", 45.0)]
)
def test_a_lifetime_has_a_unit(text: str, seconds: float) -> None:
    assert load({"QWENPROXY_STATE_LIFETIME": text}, Path("/")).state_lifetime == seconds


def test_a_key_that_could_be_guessed_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="a key has 32 characters or more") as caught:
        load({"QWENPROXY_STATE_KEYS": f"{'k' * 32},hunter2"}, Path("/"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["30", "0d", "-1d", "1w", "long"])
def test_a_wrong_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="QWENPROXY_STATE_LIFETIME: expected a time such as 30d"):
        load({"QWENPROXY_STATE_LIFETIME": text}, Path("/"))


def shown(settings: Settings) -> dict[str, object]:
    """The settings as mitmproxy has them, by their names."""
    return {option.name.removeprefix("qwen_"): option.default for option in options(settings)}


@pytest.mark.parametrize(
    "address", ["redis://:hidden@h:1/2", "rediss://user:hidden@h", "unix://:hidden@/run/r.sock?db=1"]
)
def test_a_password_is_kept_apart_from_what_is_shown(address: str) -> None:
    environ = {"QWENPROXY_STATE": address, "HOME": "/h"}
    found = load(environ, Path("/"))
    assert found.state == address.replace(":hidden@", "@").replace("://@", "://")
    assert found.state_password.reveal() == "hidden"
    assert "hidden" not in f"{found!r} {shown(found)}"
    again = load(environ, Path("/"), shown(found))
    assert (again.state, again.state_password.reveal()) == (found.state, "hidden"), "what is shown overrides nothing"
    other = load(environ, Path("/"), {"state": "redis://elsewhere"})
    assert not other.state_password, "it is not for another Redis"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("ssl_ca_certs=/nowhere.pem", "ssl_ca_certs: /nowhere.pem"),
        ("ssl_certfile=/nowhere.pem&ssl_keyfile=/nowhere.key", "ssl_certfile: /nowhere.pem"),
    ],
)
def test_a_file_for_tls_that_is_not_there_is_told_at_once(query: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"QWENPROXY_STATE: {named}: No such file") as caught:
        load({"QWENPROXY_STATE": f"rediss://:hidden@h/0?{query}"}, Path("/"))
    assert "hidden" not in str(caught.value)


def test_a_password_is_not_an_option() -> None:
    with pytest.raises(ValueError, match="set QWENPROXY_STATE instead") as caught:
        load({}, Path("/"), {"state": "redis://:hidden@h"})
    assert "hidden" not in str(caught.value)


def test_two_passwords_are_refused() -> None:
    with pytest.raises(ValueError, match="there is a password in both"):
        load({"QWENPROXY_STATE": "redis://:a@h", "QWENPROXY_STATE_PASSWORD": "b"}, Path("/"))


def test_keys_of_both_places_hold(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"# older\n{'b' * 32}\n")
    found = load({"QWENPROXY_STATE_KEYS": "a" * 32, "QWENPROXY_STATE_KEYS_FILE": "keys"}, tmp_path)
    assert [key.reveal()[0] for key in found.state_keys] == ["a", "b"]


def test_a_key_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters or more") as caught:
        load({"QWENPROXY_STATE_KEYS": "short-and-HIDDEN"}, Path("/"))
    assert "HIDDEN" not in str(caught.value)
