"""Credentials that are no login: keys, and none."""

from pathlib import Path

import pytest

from qwenproxy import errors
from qwenproxy.auth.credentials import ApiKey, Credential, MissingKey, NoCredential
from qwenproxy.errors import ProxyError

ERROR = ProxyError(errors.UPSTREAM_KEY, "Set QWENPROXY_API_KEY.")


@pytest.mark.parametrize("credential", [NoCredential(), ApiKey("sk-1"), MissingKey(ERROR)], ids=lambda each: each.name)
def test_it_leaves_the_api_to_the_settings(credential: Credential) -> None:
    assert credential.base_url == ""


async def test_an_upstream_may_want_none() -> None:
    credential = NoCredential()
    await credential.token()
    assert not await credential.renew(None)


async def test_a_key_is_sent_and_cannot_be_renewed() -> None:
    key = ApiKey("sk-1")
    assert await key.token() == "sk-1"
    assert not await key.renew("sk-1")


async def test_a_key_in_a_file_is_read_again_when_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = ApiKey("sk-1", path)
    assert not await key.renew("sk-1"), "the file is gone"
    for text, renewed in (("sk-1\n", False), ("\n", False), ("sk-2\n", True)):
        path.write_bytes(text.encode())
        assert await key.renew("sk-1") is renewed
    assert await key.token() == "sk-2"
    assert await key.renew("sk-1"), "another request has found the new one already"
    assert not await key.renew("sk-2")


async def test_without_a_key_each_call_is_told_how_to_give_one() -> None:
    credential = MissingKey(ERROR)
    with pytest.raises(ProxyError, match="Set QWENPROXY_API_KEY"):
        await credential.token()
    assert not await credential.renew(None)


def test_no_key_is_shown() -> None:
    assert "s3cret" not in repr(ApiKey("sk-s3cret"))
