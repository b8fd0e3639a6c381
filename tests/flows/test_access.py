"""Who may use the proxy."""

from pathlib import Path

import pytest

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.flows.access import Access, check_listeners, is_preflight
from qwenproxy.settings import Settings, load

OPEN = Settings()
PAGE = "https://app.example.com"


def settings(**given: object) -> Settings:
    return load({"HOME": "/nowhere"}, Path("/nowhere"), given)


KEYED = settings(client_keys="anne-key,bob-key")
REMOTE = settings(client_keys="anne-key", allow_remote=True)
PAGES = settings(cors_origins=f"{PAGE},http://localhost:3000,null")


def test_without_client_keys_anyone_may_come() -> None:
    for authorization in (None, "", "Bearer sk-any", "Basic x"):
        Access(OPEN).check_key(authorization)


@pytest.mark.parametrize(
    "authorization", ["Bearer anne-key", "bearer bob-key", "BEARER  anne-key ", " Bearer anne-key"]
)
def test_a_client_key_lets_in(authorization: str) -> None:
    Access(KEYED).check_key(authorization)


@pytest.mark.parametrize(
    ("authorization", "text"),
    [
        (None, "none came with the request"),
        ("", "none came with the request"),
        ("Bearer", "none came with the request"),
        ("Bearer ", "none came with the request"),
        ("anne-key", "none came with the request"),
        ("Basic anne-key", "none came with the request"),
        ("Bearer sk-hush", "is not one of this proxy's client keys"),
        ("Bearer anne-key-hush", "is not one of this proxy's client keys"),
        ("Bearer Anne-key", "is not one of this proxy's client keys"),
        ("Bearer anne-key,bob-key", "is not one of this proxy's client keys"),
        ("Bearer \udcff", "is not one of this proxy's client keys"),
    ],
)
def test_without_one_nobody_gets_in_and_hears_which_key_is_meant(authorization: str | None, text: str) -> None:
    with pytest.raises(ProxyError) as caught:
        Access(KEYED).check_key(authorization)
    assert caught.value.failure == errors.CLIENT_KEY
    assert caught.value.headers() == {"www-authenticate": "Bearer"}
    assert text in caught.value.message
    assert "client_keys" in caught.value.message
    assert not [secret for secret in ("hush", "anne", "bob") if secret in caught.value.message]


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "localhost:8080",
        "127.0.0.1:8080",
        "[::1]:8080",
        "app.localhost",
        "api.openai.com",
        "eu.api.openai.com:80",
    ],
)
def test_a_host_that_means_this_proxy_passes(host: str | None) -> None:
    Access(OPEN).check_host(host)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("evil.example", ""),
        ("evil.example:8080", "127.0.0.1"),
        ("localhost.evil.example", "127.0.0.1"),
        ("mtls.api.openai.com", "127.0.0.1"),
        ("0.0.0.0:8080", "127.0.0.1"),
        ("192.168.1.5:8080", "192.168.1.6"),
        ("evil.example", "evil.example"),
        ("localhost@evil.example", ""),
        ("bücher.example", ""),
    ],
)
def test_a_foreign_host_is_refused_with_the_reason(host: str, own: str) -> None:
    with pytest.raises(ProxyError) as caught:
        Access(OPEN).check_host(host, own)
    assert caught.value.failure == errors.FORBIDDEN
    assert "DNS rebinding" in caught.value.message
    assert caught.value.message.isascii()


@pytest.mark.parametrize(("host", "own"), [("192.168.1.5:8080", "192.168.1.5"), ("[fd00::5]:8080", "fd00::5")])
def test_the_address_that_was_connected_to_passes(host: str, own: str) -> None:
    Access(OPEN).check_host(host, own)


def test_with_client_keys_and_remote_any_host_passes() -> None:
    Access(REMOTE).check_host("qwen.corp.example", "10.0.0.1")
    with pytest.raises(ProxyError):
        Access(KEYED).check_host("qwen.corp.example", "10.0.0.1")


def test_a_host_of_the_setting_passes() -> None:
    Access(settings(hosts="api.openai.com,host.docker.internal")).check_host("host.docker.internal:8080")


@pytest.mark.parametrize("site", [None, "none", "same-origin", "Same-Origin"])
def test_what_is_no_foreign_page_passes(site: str | None) -> None:
    Access(OPEN).check_origin(None, site)
    Access(PAGES).check_origin(None, site)


@pytest.mark.parametrize("site", [None, "cross-site", "same-site", "same-origin"])
@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000", "null", "HTTPS://App.Example.com"])
def test_a_page_of_the_setting_passes(origin: str, site: str | None) -> None:
    Access(PAGES).check_origin(origin, site)


@pytest.mark.parametrize(
    ("access", "origin", "site"),
    [
        (OPEN, PAGE, "cross-site"),
        (OPEN, PAGE, None),
        (OPEN, "null", None),
        (OPEN, "http://localhost:8080", "same-origin"),
        (OPEN, None, "cross-site"),
        (OPEN, None, "same-site"),
        (PAGES, None, "cross-site"),
        (PAGES, "https://evil.example", None),
        (PAGES, "http://app.example.com", None),
        (PAGES, f"{PAGE}:8443", None),
        (PAGES, f"{PAGE}.evil.example", None),
    ],
    ids=lambda value: repr(value) if isinstance(value, str | None) else "",
)
def test_any_other_page_is_refused_with_the_setting_that_allows_it(
    access: Settings, origin: str | None, site: str | None
) -> None:
    with pytest.raises(ProxyError) as caught:
        Access(access).check_origin(origin, site)
    assert caught.value.failure == errors.FORBIDDEN
    assert "cors_origins" in caught.value.message
    assert (origin or "another site") in caught.value.message


def test_an_empty_origin_is_one_of_no_page_that_is_allowed() -> None:
    with pytest.raises(ProxyError):
        Access(PAGES).check_origin("", None)


def test_a_star_lets_every_page_in() -> None:
    access = Access(settings(cors_origins="*"))
    for origin, site in ((PAGE, "cross-site"), ("null", None), (None, "cross-site")):
        access.check_origin(origin, site)
    assert access.shared(PAGE)["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    ("method", "origin", "wanted", "yes"),
    [
        ("OPTIONS", PAGE, "POST", True),
        ("OPTIONS", PAGE, None, False),
        ("OPTIONS", None, "POST", False),
        ("POST", PAGE, "POST", False),
    ],
)
def test_a_preflight_is_recognised(method: str, origin: str | None, wanted: str | None, yes: bool) -> None:
    assert is_preflight(method, origin, wanted) == yes


def test_a_preflight_is_answered_for_the_page_that_asked() -> None:
    assert Access(PAGES).preflight(PAGE, "authorization,content-type,x-stainless-lang,x-of-mine") == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
        "access-control-allow-headers": "authorization,content-type,x-stainless-lang,x-of-mine",
        "access-control-expose-headers": Access(PAGES).shared(PAGE)["access-control-expose-headers"],
        "access-control-max-age": "7200",
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }


@pytest.mark.parametrize("wanted", [None, "", "a\r\nset-cookie: x", "a" * 5000, "ü"])
def test_a_preflight_without_usable_names_gets_those_of_the_sdks(wanted: str | None) -> None:
    allowed = Access(PAGES).preflight(PAGE, wanted)["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "openai-organization", "openai-project", "openai-beta"} < set(allowed)
    assert {"x-stainless-lang", "x-stainless-os", "x-stainless-retry-count", "x-stainless-timeout"} < set(allowed)


def test_a_preflight_to_a_local_address_is_answered_if_asked() -> None:
    assert Access(PAGES).preflight(PAGE, None, private_network=True)["access-control-allow-private-network"] == "true"


def test_an_answer_is_shared_with_the_page_that_may_read_it() -> None:
    shared = Access(PAGES).shared(PAGE)
    assert (shared["access-control-allow-origin"], shared["vary"]) == (PAGE, "Origin")
    exposed = shared["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "retry-after", "x-qwenproxy-model", "x-qwenproxy-dropped", "x-qwenproxy-learned"} < set(
        exposed
    )
    assert "access-control-allow-credentials" not in shared


@pytest.mark.parametrize("origin", [None, "https://evil.example"])
def test_an_answer_for_others_only_says_that_it_would_differ(origin: str | None) -> None:
    assert Access(PAGES).shared(origin) == {"vary": "Origin"}
    assert Access(OPEN).shared(origin) == {}


@pytest.mark.parametrize("addresses", [[], ["127.0.0.1"], ["127.0.0.1", "::1", "localhost", "127.0.0.9:8080"]], ids=str)
def test_listening_on_loopback_needs_nothing(addresses: list[str]) -> None:
    check_listeners(addresses, OPEN)


@pytest.mark.parametrize(
    "addresses", [[""], ["*"], ["0.0.0.0"], ["::"], ["127.0.0.1", "192.168.1.5"], ["proxy.example"]], ids=str
)
def test_listening_beyond_it_needs_the_users_word(addresses: list[str]) -> None:
    check_listeners(addresses, REMOTE)
    with pytest.raises(ValueError) as caught:
        check_listeners(addresses, OPEN)
    assert (addresses[-1] or "*") in str(caught.value)
    assert "(missing: allow_remote, client_keys)" in str(caught.value)
    with pytest.raises(ValueError, match=r"\(missing: allow_remote\)"):
        check_listeners(addresses, KEYED)
