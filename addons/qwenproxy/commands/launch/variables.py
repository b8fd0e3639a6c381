"""The variables by which clients learn where the proxy is and whom to trust: one table for all of them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwenproxy.commands.launch import bypass
from qwenproxy.commands.launch.trust import PASSWORD, TrustFiles

PROXY = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
"""Both cases: curl reads HTTP_PROXY in lower case only, others prefer one or the other."""
NO_PROXY = ("NO_PROXY", "no_proxy")

REPLACING = (
    "SSL_CERT_FILE",  # OpenSSL, and with it Python's ssl, httpx, aiohttp, Ruby, PHP; Go; rustls-native-certs; .NET; bun
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",  # curl, requests
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "NIX_SSL_CERT_FILE",
    "HTTPLIB2_CA_CERTS",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
)
"""Name the only file that a client trusts: the bundle with everybody in it."""

ADDING = ("NODE_EXTRA_CA_CERTS", "DENO_CERT", "CODEX_CA_CERTIFICATE")
"""Name a file that a client trusts besides its own list."""

FIXED: Mapping[str, str] = {"NODE_USE_ENV_PROXY": "1"}  # Node 22.21, 24.5 and later heed proxy variables only with it

JAVA = "JAVA_TOOL_OPTIONS"
"""Read by every JVM; what comes later in it wins."""
API_KEY = "OPENAI_API_KEY"
BASE_URL = "OPENAI_BASE_URL"
ANY_KEY = "sk-any-key-will-do"
"""Official clients refuse to start without a key; it ends at the proxy."""


@dataclass(frozen=True, slots=True)
class Place:
    """A proxy that runs, as clients need to know it."""

    port: int
    trust: TrustFiles
    hosts: Sequence[str]
    """Patterns of the hosts that are intercepted."""
    wants_key: bool = False
    """Whether it takes its own client keys only."""
    reverse: str = ""
    """Where it listens as an OpenAI of its own, if it does."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def variables(place: Place, environ: Mapping[str, str]) -> dict[str, str]:
    """What is to be set, over *environ*, for calls to go to *place*."""
    kept, _ = bypass.sorted_out(bypasses(environ), place.hosts)
    found = dict.fromkeys(PROXY, place.url)
    found |= dict.fromkeys(NO_PROXY, ",".join(dict.fromkeys([*kept, *bypass.LOCAL])))
    found |= dict.fromkeys(REPLACING, str(place.trust.bundle))
    found |= dict.fromkeys(ADDING, str(place.trust.extra))
    found |= FIXED
    found[JAVA] = java_options(place, environ.get(JAVA, ""))
    if not environ.get(API_KEY) and not place.wants_key:
        found[API_KEY] = ANY_KEY
    return found


def bypasses(environ: Mapping[str, str]) -> list[str]:
    """The entries of NO_PROXY in both cases."""
    return [entry for name in NO_PROXY for entry in bypass.entries(environ.get(name, ""))]


def java_options(place: Place, given: str) -> str:
    """*given*, and after it what tells a JVM of *place*."""
    properties = {
        "https.proxyHost": "127.0.0.1",
        "https.proxyPort": str(place.port),
        "http.proxyHost": "127.0.0.1",
        "http.proxyPort": str(place.port),
        "javax.net.ssl.trustStore": str(place.trust.truststore),
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": PASSWORD,
    }
    ours = " ".join(_quoted(f"-D{name}={value}") for name, value in properties.items())
    return given if ours in given else f"{given} {ours}".lstrip()


def _quoted(option: str) -> str:
    return f'"{option}"' if any(letter.isspace() for letter in option) else option


def trusted(environ: Mapping[str, str]) -> tuple[list[Path], list[Path]]:
    """What the user's own variables name: the files and folders that are replaced, and those that add."""
    folders = environ.get("SSL_CERT_DIR", "").split(os.pathsep)  # some read it only where SSL_CERT_FILE is not set
    return _paths([*map(environ.get, REPLACING), *folders]), _paths(map(environ.get, ADDING))


def _paths(values: Iterable[str | None]) -> list[Path]:
    return [Path(value) for value in dict.fromkeys(values) if value and value.strip()]
