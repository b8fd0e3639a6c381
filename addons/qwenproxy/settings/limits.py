"""The part of the table of settings that is about how much may be asked of the proxy."""

from dataclasses import dataclass

from qwenproxy.settings import values
from qwenproxy.settings.rows import setting as _setting
from qwenproxy.settings.state import StateSettings


@dataclass(frozen=True, slots=True)
class LimitSettings(StateSettings):
    """Bounds on requests, connections and exchanges, for each process; 0: none."""

    connections: int = _setting(values.count(0), "8192", "Connections of apps at the same time; 0: any number")
    client_connections: int = _setting(
        values.count(0), "4096", "Those of one address (IPv6: of one /64); 0: any number"
    )
    streams: int = _setting(values.count(1), "100", "Requests at the same time on one HTTP/2 connection")
    header_limit: int = _setting(values.SIZE, "64k", "Largest head of a request")
    header_lines: int = _setting(values.count(0), "200", "Most header lines of a request; 0: any number")
    buffer_limit: int = _setting(
        values.ANY_SIZE, "512m", "How much of request bodies is held at the same time; 0: any amount"
    )
    memory_limit: int = _setting(
        values.ANY_SIZE,
        "2g",
        "Memory of the process beyond which new calls are refused, until it is a tenth below; Linux only; 0: none",
    )
    exchanges: int = _setting(values.count(0), "1024", "Calls of models at the same time; 0: any number")
    client_exchanges: int = _setting(
        values.count(0), "512", "Those of one client key, without keys of one address; 0: any number"
    )
    queue: int = _setting(values.count(0), "512", "Calls that may wait for one of these places; 0: none")
    queue_timeout: float = _setting(values.seconds(0), "30", "Seconds that a call may wait for its place")
    head_timeout: float = _setting(
        values.seconds(0), "60", "Seconds within which the head of a request has to be there; 0: any time"
    )
    body_timeout: float = _setting(
        values.seconds(0), "300", "Seconds within which the body of a request has to follow; 0: any time"
    )
    keepalive_timeout: float = _setting(
        values.seconds(0), "900", "Seconds that a connection is kept open without a request; 0: any time"
    )
    opening_timeout: float = _setting(
        values.seconds(0), "600", "Seconds until the first event of an answer has to be there; 0: any time"
    )
    exchange_timeout: float = _setting(
        values.seconds(0), "3600", "Seconds that an exchange may take from the request to the end of its answer; 0: any"
    )
    stall_timeout: float = _setting(
        values.seconds(0), "600", "Seconds that an app may leave its answer unread before it is given up; 0: any time"
    )
    websockets: bool = _setting(
        values.FLAG,
        "true",
        "Whether `/v1/responses` is served over WebSockets, too; if not, they are refused with 426, and apps that can "
        "go on over plain HTTP",
    )
