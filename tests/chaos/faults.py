"""An upstream that fails in every way: each fault by the name under which a prompt orders it."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

from tests.support.completions import DONE, END, completion, refused, said, streamed
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, Reply, chunk, whole

ORDER = "fault: "
"""How the prompt begins that orders a fault."""
PAGE = b"<!doctype html><title>405</title><script src='aliyun_waf.js'></script>"
IDLE = 1.0
"""The proxy's `idle_timeout` in these tests, in seconds."""
WORD = chunk(said("one "))
FLOOD = 20_000
"""Events of a stream that comes as fast as it can."""


def is_streamed(connection: Connection) -> bool:
    return connection.asked.json.get("stream") is True


def answer(connection: Connection) -> bytes:
    """A good answer, as it was asked for."""
    return streamed("one ", "two") if is_streamed(connection) else completion("one two")


def begun(connection: Connection) -> bytes:
    """The first half of a good answer."""
    return STREAM_HEAD + WORD if is_streamed(connection) else completion("one two")[:-40]


async def good(connection: Connection) -> None:
    await connection.send(answer(connection))


async def closes(connection: Connection) -> None:
    connection.writer.close()


async def resets(connection: Connection) -> None:
    """Ends the connection with a reset instead of an end."""
    link: socket.socket = connection.writer.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.writer.transport.abort()


async def stalls(connection: Connection) -> None:
    await connection.gone()


async def cuts_the_head(connection: Connection) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\ncontent-ty")
    connection.writer.close()


async def stalls_behind_the_head(connection: Connection) -> None:
    await connection.send(answer(connection).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    await connection.gone()


async def stalls_midway(connection: Connection) -> None:
    await connection.send(begun(connection))
    await connection.gone()


async def cuts_midway(connection: Connection) -> None:
    await connection.send(begun(connection))
    connection.writer.close()


async def cuts_an_event(connection: Connection) -> None:
    await connection.send(begun(connection) + (WORD[:-30] if is_streamed(connection) else b""))
    connection.writer.close()


async def resets_midway(connection: Connection) -> None:
    await connection.send(begun(connection))
    await asyncio.sleep(0.5)  # what is on its way when a reset comes is lost
    await resets(connection)


async def half_closes(connection: Connection) -> None:
    """Says the end of its side within the answer, and goes on to listen."""
    await connection.send(begun(connection))
    connection.writer.write_eof()
    await connection.gone()


async def ends_without_a_finish(connection: Connection) -> None:
    await connection.send(begun(connection) + (STREAM_END if is_streamed(connection) else b""))
    connection.writer.close()


async def drips(connection: Connection) -> None:
    """All of it, a few bytes at a time."""
    data = answer(connection)
    for at in range(0, len(data), 16):
        await connection.send(data[at : at + 16])
        await asyncio.sleep(0.002)


async def floods_with_an_event(connection: Connection) -> None:
    """17 MiB of an event, or of a field, that does not end."""
    head = STREAM_HEAD if is_streamed(connection) else b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    end = b"" if is_streamed(connection) else b"connection: close\r\n\r\n"
    await connection.send(head + end)
    piece = b"x" * (1024 * 1024)
    await connection.send(chunk(b"data: ") if is_streamed(connection) else b"data: ")
    for _ in range(17):
        await connection.send(chunk(piece) if is_streamed(connection) else piece)
    await connection.gone()


async def floods_with_events(connection: Connection) -> None:
    """A whole answer of many events, as fast as they are taken."""
    events = b"".join([chunk(said(f"{number} ")) for number in range(100)])
    await connection.send(STREAM_HEAD)
    for _ in range(FLOOD // 100):
        await connection.send(events)
    await connection.send(chunk(END) + STREAM_END)


async def floods_with_headers(connection: Connection) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(20_000):
        await connection.send(b"x-%d: %s\r\n" % (number, b"y" * 100))
    await connection.gone()


async def floods_with_promises(connection: Connection) -> None:
    """Interim answers, and no other, then the good one."""
    await connection.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" * 50 + answer(connection))


async def says_more_length(connection: Connection) -> None:
    data = completion("one two")
    await connection.send(data.replace(b"content-length: ", b"content-length: 9"))
    connection.writer.close()


async def says_less_length(connection: Connection) -> None:
    await connection.send(completion("one two").replace(b"content-length: ", b"content-length: 7\r\nx-was: "))
    connection.writer.close()


async def lies_about_a_chunk(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + WORD + b"fffff0\r\n" + said("two ") + b"\r\n")
    connection.writer.close()


async def garbles_a_chunk(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + WORD + b"zz\r\n" + said("two ") + b"\r\n")
    connection.writer.close()


async def goes_on_behind_the_end(connection: Connection) -> None:
    """More than was announced, on a connection that is to be used again."""
    await connection.send(answer(connection) + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nStale")


async def ends_twice(connection: Connection) -> None:
    events = (said("one "), END, said("three"), DONE)
    await connection.send(STREAM_HEAD + b"".join(map(chunk, events)) + STREAM_END)


class Fault(NamedTuple):
    """What the upstream does, and the seconds within which the app has to know."""

    does: Reply
    budget: float = 5.0


SILENT = 2 * IDLE + 5.0
"""Silence is given up after `idle_timeout`; a busy machine may take its time to notice."""

FAULTS: Mapping[str, Fault] = {
    "closes without a word": Fault(closes),
    "resets the connection": Fault(resets),
    "says nothing": Fault(stalls, SILENT),
    "cuts the head of its answer": Fault(cuts_the_head),
    "stalls behind the head": Fault(stalls_behind_the_head, SILENT),
    "stalls in the middle": Fault(stalls_midway, SILENT),
    "cuts its answer": Fault(cuts_midway),
    "cuts its answer in an event": Fault(cuts_an_event),
    "resets in the middle": Fault(resets_midway),
    "closes its side in the middle": Fault(half_closes, SILENT),
    "ends in form, without a finish": Fault(ends_without_a_finish),
    "drips, 16 bytes at a time": Fault(drips, 10.0),
    "floods with an event without end": Fault(floods_with_an_event, 10.0),
    "floods with 20,000 events": Fault(floods_with_events, 30.0),
    "floods with header lines": Fault(floods_with_headers, 10.0),
    "floods with interim answers": Fault(floods_with_promises),
    "announces more than it sends": Fault(says_more_length),
    "announces less than it sends": Fault(says_less_length),
    "lies about the length of a chunk": Fault(lies_about_a_chunk),
    "writes a chunk's length that is none": Fault(garbles_a_chunk),
    "sends a second answer nobody asked for": Fault(goes_on_behind_the_end),
    "goes on behind its end": Fault(ends_twice),
    "answers a page": Fault(whole(PAGE, 200, "text/html")),
    "answers a page as a failure": Fault(whole(PAGE, 502, "text/html")),
    "answers nothing": Fault(whole(b"")),
    "answers what is no JSON": Fault(whole(b"{'choices': []}")),
    "answers another protocol": Fault(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "answers TLS": Fault(bytes.fromhex("15030100020246")),
    "claims to have compressed": Fault(whole(b"not at all", content_encoding="gzip")),
    "sends elsewhere": Fault(whole(b"", 307, location="http://127.0.0.1:1/v1/chat/completions")),
    "fails": Fault(refused(500, "Something broke.")),
    "is overloaded": Fault(refused(429, "Too many requests.", headers={"retry_after": "1"})),
}


async def ordered(connection: Connection) -> None:
    """Does what the prompt orders, else answers well."""
    content = connection.asked.json["messages"][-1]["content"]
    fault = FAULTS[content.removeprefix(ORDER)] if content.startswith(ORDER) else Fault(good)
    if isinstance(fault.does, bytes):
        await connection.send(fault.does)
    else:
        await fault.does(connection)
