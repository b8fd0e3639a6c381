"""The address of a Redis as it is written: redis://host:6379/0, rediss:// with TLS, unix:///path for a socket."""

from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

SCHEMES = ("redis", "rediss", "unix")
DATABASE = "db"
CERTIFICATE, KEY = "ssl_certfile", "ssl_keyfile"
FILES = ("ssl_ca_certs", CERTIFICATE, KEY)
QUERY = {"redis": {DATABASE}, "rediss": {DATABASE, *FILES}, "unix": {DATABASE}}
"""What may follow the question mark: the number of a database; with TLS the files of a private authority, of our own
certificate and of its key.  Nothing that would turn a check off."""


def is_one(text: str) -> bool:
    """Whether *text*, a place for the state, is the address of a Redis."""
    return text.partition("://")[0] in SCHEMES


def checked(text: str) -> str:
    """*text*, if it is such an address.  Raises ValueError, which quotes nothing: there may be a password in it."""
    try:
        parts = urlsplit(text)
        port = parts.port
        query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError("the address of Redis cannot be read") from None
    if parts.scheme not in SCHEMES:
        raise ValueError("an address of Redis begins with redis://, rediss:// or unix://")
    if not (parts.path.startswith("/") if parts.scheme == "unix" else parts.hostname) or port == 0:
        raise ValueError("the address of Redis names no host, or no socket")
    if parts.scheme != "unix" and not (parts.path.strip("/") or "0").isdecimal():
        raise ValueError("the path in the address of Redis is the number of a database")
    allowed = QUERY[parts.scheme]
    if unknown := set(query) - allowed:
        told = f"{parts.scheme}:// may say {', '.join(sorted(allowed))}, not {', '.join(sorted(unknown))}"
        raise ValueError(f"an address of Redis that begins with {told}")
    if (CERTIFICATE in query) != (KEY in query):
        raise ValueError(f"the address of Redis says {CERTIFICATE} and {KEY} both, or neither")
    if parts.fragment:
        raise ValueError("the address of Redis holds a fragment")
    return text


def files(text: str) -> dict[str, str]:
    """The files that the address *text* names, each by what it is there for."""
    query = parse_qs(urlsplit(text).query) if is_one(text) else {}
    return {name: query[name][-1] for name in FILES if name in query}


def parted(text: str) -> tuple[str, str]:
    """*text* without the password in it, and that."""
    if not is_one(text):
        return text, ""
    parts = urlsplit(text)
    login, at, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    netloc = f"{user}{at}{host}" if user else host
    return urlunsplit(parts._replace(netloc=netloc)) if parts.scheme != "unix" else _unix(text, user), unquote(password)


def _unix(text: str, user: str) -> str:
    rest = text.partition("://")[2]
    place = rest[rest.index("/") :]
    return f"unix://{user}@{place}" if user else f"unix://{place}"
