"""The benchmark's pure parts: figures, tables, the check of answers, and the reader of HTTP."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from qwenproxy.dialects.base import Dialect
from qwenproxy.dialects.compatible import Compatible
from qwenproxy.dialects.contents import Contents
from qwenproxy.dialects.dashscope import DashScope
from qwenproxy.errors import ProxyError
from qwenproxy.plans import GATEWAY
from qwenproxy.wire.openai import Delta
from scripts.benchmark import bandwidth, payloads, workers
from scripts.benchmark.__main__ import options
from scripts.benchmark.answers import Answer, check
from scripts.benchmark.client import Client, read
from scripts.benchmark.faces import (
    COMPATIBLE,
    CONTENTS,
    DASHSCOPE,
    STREAM_HEAD,
    UNKNOWN,
    Face,
    burst,
    face_of,
    streamed,
    wants_stream,
)
from scripts.benchmark.figures import (
    Figures,
    Measurement,
    Ratio,
    Slice,
    measurement,
    middle,
    paired_ratio,
    percentile,
    slope,
)
from scripts.benchmark.http1 import MessageReader
from scripts.benchmark.load import LOADS, quicker
from scripts.benchmark.payloads import Order
from scripts.benchmark.report import BASE, ROWS, number, ratio, report, table
from scripts.benchmark.rounds import Round, turned
from scripts.benchmark.subjects import SUBJECTS, telling_line
from scripts.benchmark.summary import AGAINST_BARE, AGAINST_PLAIN, PROXIES, VARIANTS, summary


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (50.5, 51), (99, 99), (99.1, 100), (100, 100)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_ratios_are_taken_within_each_round_before_the_median() -> None:
    ours: list[Figures] = [{"rate": 50}, {"rate": 300}, {"rate": 80}]
    base: list[Figures] = [{"rate": 100}, {"rate": 200}, {"rate": 100}]
    assert paired_ratio(ours, base, "rate") == Ratio(median=0.8, lowest=0.5, highest=1.5)


@pytest.mark.parametrize(
    ("ours", "base"),
    [({}, {"rate": 1}), ({"rate": 1}, {}), ({"rate": 1}, {"rate": 0})],
    ids=["ours is missing", "the base is missing", "the base is nought"],
)
def test_a_round_without_both_figures_does_not_count(ours: Figures, base: Figures) -> None:
    assert paired_ratio([ours], [base], "rate") is None
    assert paired_ratio([ours, {"rate": 6}], [base, {"rate": 3}], "rate") == Ratio(2, 2, 2)


def test_the_median_leaves_out_rounds_without_the_figure() -> None:
    assert middle([{"rate": 1}, {}, {"rate": 3}], "rate") == 2
    assert middle([{}, {}], "rate") is None


def test_a_slope_is_that_of_the_nearest_line() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == 2
    assert slope([(0, 0), (1, 2), (2, 1), (3, 3)]) == pytest.approx(0.8)


def test_two_points_are_needed_for_a_slope() -> None:
    with pytest.raises(ValueError, match="two points"):
        slope([(0, 1)])


def test_the_order_of_the_subjects_turns_with_the_rounds() -> None:
    firsts = [turned(SUBJECTS, at)[0] for at in range(len(SUBJECTS))]
    assert firsts == list(SUBJECTS)
    assert all(set(turned(SUBJECTS, at)) == set(SUBJECTS) for at in range(7))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "–"), (0, "0.00"), (0.1234, "0.12"), (9.994, "9.99"), (12.34, "12.3"), (1234.5, "1,234")],
)
def test_numbers_are_short(value: float | None, expected: str) -> None:
    assert number(value) == expected


def test_a_ratio_shows_the_range_of_its_rounds() -> None:
    assert ratio(Ratio(0.814, 0.7, 1.25)) == "0.81 (0.70–1.25)"
    assert ratio(None) == ""


def test_a_table_is_aligned() -> None:
    assert table(["", "a", "long name"], [["requests/s", "1,000", "2"]]).splitlines() == [
        "|            |     a | long name |",
        "| :--------- | ----: | --------: |",
        "| requests/s | 1,000 |         2 |",
    ]


DIALECT_OF: dict[Face, Dialect] = {
    COMPATIBLE: Compatible(GATEWAY),
    DASHSCOPE: DashScope(GATEWAY),
    CONTENTS: Contents(GATEWAY),
}
NATIVE = b"/api/v1/services/aigc/text-generation/generation"
WHOLE = COMPATIBLE.answer.partition(b"\r\n\r\n")[2]
PACED = Order(3, 50)


def _streamed(*events: int) -> bytes:
    """The body of a stream of *events*, the first sent at second 10, the next at 11, and so on."""
    chunked = STREAM_HEAD + COMPATIBLE.first + b"".join(COMPATIBLE.event(k, 10 + k) for k in events) + COMPATIBLE.last
    reader = MessageReader(until_close=True)
    reader.feed(chunked)
    return reader.body


@pytest.mark.parametrize(
    ("answer", "order", "failure"),
    [
        (Answer(0, 200, WHOLE), None, ""),
        (Answer(0, 502, WHOLE), None, "status 502"),
        (Answer(0, 200, WHOLE[:-1]), None, "not a chat completion"),
        (Answer(0, 200, WHOLE.replace(b"kilobyte", b"kilogram")), None, "another text than the upstream's"),
        (Answer(0, 200, WHOLE.replace(b'"stop"', b'"length"')), None, "another text than the upstream's"),
        (Answer(0, broken="not HTTP"), None, "not HTTP"),
        (Answer(0, 200, _streamed(0, 1, 2)), PACED, ""),
        (Answer(0, 200, _streamed(0, 2)), PACED, "2 of 3 events, or out of order"),
        (Answer(0, 200, _streamed(0, 2, 1)), PACED, "3 of 3 events, or out of order"),
        (Answer(0, 200, _streamed(0, 1, 2).replace(b'"stop"', b"null")), PACED, "no finish"),
        (Answer(0, 200, _streamed(0, 1, 2).replace(b"data: [DONE]\n\n", b"")), PACED, "no [DONE]"),
    ],
    ids=str,
)
def test_only_complete_answers_count(answer: Answer, order: Order | None, failure: str) -> None:
    answer.arrivals = [(1.0, len(answer.body))]
    assert check(answer, order).failure == failure


def test_lateness_is_arrival_after_sending_of_the_whole_event() -> None:
    body = _streamed(0, 1, 2)
    end_of_first = body.index(b"\n\n") + 2
    inside_second = body.index(b"~1@") + 10
    arrivals = [(9.5, end_of_first), (10.25, inside_second), (11.5, len(body) - 1), (13.0, len(body))]
    outcome = check(Answer(9.0, 200, body, arrivals), PACED)
    assert (outcome.first, outcome.content, outcome.latency, outcome.events) == (0.5, 1.25, 4.0, 3)
    assert outcome.lateness == pytest.approx([0.25, 0.5, -0.5])


async def test_an_answer_that_is_read_later_is_the_same() -> None:
    """Its head alone, then an event, then all the rest; a refusal, which has a length, is read at once."""
    events = [COMPATIBLE.event(k, 10 + k) for k in range(3)]
    replies = [[STREAM_HEAD, COMPATIBLE.first + events[0], *events[1:], COMPATIBLE.last], [UNKNOWN]]

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for pieces in replies:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.01)
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    client = Client(server.sockets[0].getsockname()[1])
    try:
        found = [await client.ask(b"GET / HTTP/1.1\r\n\r\n", later=True) for _ in replies]
    finally:
        client.close()
        server.close()
    for answer in found:
        read(answer)
    assert [check(answer, PACED).failure for answer in found] == ["", "status 404"]
    assert len(found[0].arrivals) >= 4


def test_failed_answers_add_nothing_to_the_figures() -> None:
    good = check(Answer(1.0, 200, WHOLE, [(1.002, len(WHOLE))]), None)
    bad = check(Answer(1.0, 500, b"", [(1.5, 0)]), None)
    slices = [Slice([good, bad], 0.2, 0.001, 0.02), Slice([bad, good], 0.3, 0.002, 0.03)]
    found = measurement("whole", slices)
    assert (found.asked, found.failed, found.reasons, found.foreign) == (4, 2, {"status 500": 2}, 0.1)
    assert found.figures == pytest.approx(
        {"requests_per_s": 4, "latency_p50_ms": 2, "latency_p99_ms": 2, "cpu_ms_per_request": 1.5}
    )
    assert measurement("whole", [Slice([bad], 0.5)]).figures == {}


def test_cpu_is_left_out_where_it_cannot_be_read() -> None:
    good = check(Answer(1.0, 200, WHOLE, [(1.002, len(WHOLE))]), None)
    assert "cpu_ms_per_request" not in measurement("whole", [Slice([good], 0.5), Slice([good], 0.5, 0.1)]).figures


MESSAGES = {
    "by length": COMPATIBLE.answer,
    "in chunks": STREAM_HEAD + COMPATIBLE.first + COMPATIBLE.last,
    "with trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\na: b\r\n\r\n",
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_a_message_is_read_however_it_is_cut(message: bytes) -> None:
    def read(*pieces: bytes) -> tuple[bytes, bool]:
        reader = MessageReader(until_close=True)
        for piece in pieces:
            reader.feed(piece)
        return reader.body, reader.ended

    whole = read(message)
    assert whole[0]
    assert whole[1]
    assert read(*(message[at : at + 1] for at in range(len(message)))) == whole
    assert all(read(message[:at], message[at:]) == whole for at in range(1, len(message)))
    assert not read(message[:-1])[1]


def test_messages_follow_each_other() -> None:
    reader = MessageReader(until_close=False)
    order = Order(200, 50)
    reader.feed(payloads.request(1, None) + payloads.request(1, order))
    assert payloads.ordered(reader.body) is None
    reader.advance()
    assert reader.ended
    assert payloads.ordered(reader.body) == order
    reader.advance()
    assert not reader.ended


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reader = MessageReader(until_close=True)
    reader.feed(b"HTTP/1.0 200 OK\r\n\r\nabc")
    assert not reader.ended
    reader.close()
    assert (reader.ended, reader.body) == (True, b"abc")


def test_a_request_has_about_two_kilobytes_and_an_answer_about_one() -> None:
    assert 1900 < len(payloads.request(8080, None)) < 2300
    assert 900 < len(WHOLE) < 1100


@pytest.mark.parametrize(
    ("body", "order"),
    [
        (b'{"messages":[{"content":"[stream 7 50/s]"}],"stream":true}', Order(7, 50)),
        (b'{"messages":[{"content":"[stream 7]"}],"stream": true}', Order(7)),
        (b'{"messages":[{"content":"Go on."}],"stream":true}', None),
        (b'{"messages":[{"content":"[stream 999999]"}],"stream":true}', Order(payloads.MOST_EVENTS)),
    ],
    ids=["paced", "burst", "none", "too long"],
)
def test_the_prompt_orders_the_answer(body: bytes, order: Order | None) -> None:
    assert payloads.ordered(body) == order


@pytest.mark.parametrize(
    ("path", "headers", "body", "face", "stream"),
    [
        (b"/v1/chat/completions", {}, payloads.request(8080, None), COMPATIBLE, False),
        (b"/v1/chat/completions", {}, payloads.request(8080, Order(7)), COMPATIBLE, True),
        (NATIVE, {b"x-dashscope-sse": b"enable"}, b"{}", DASHSCOPE, True),
        (NATIVE, {}, b"{}", DASHSCOPE, False),
        (b"/v1beta/models/m:streamGenerateContent?alt=sse", {}, b"{}", CONTENTS, True),
        (b"/v1beta/models/m:generateContent", {}, b"{}", CONTENTS, False),
        (b"/elsewhere", {}, b"{}", None, False),
    ],
)
def test_path_headers_and_body_say_what_is_spoken_and_how(
    path: bytes, headers: dict[bytes, bytes], body: bytes, face: Face | None, stream: bool
) -> None:
    assert (face_of(path), wants_stream(path, headers, body)) == (face, stream)


@pytest.mark.parametrize("face", DIALECT_OF, ids=["compatible", "dashscope", "contents"])
def test_every_dialect_says_the_same_whole_streamed_and_in_bursts(face: Face) -> None:
    """Read by the proxy's own readers, which have golden files of their own."""
    dialect = DIALECT_OF[face]
    said = []
    for answer in (face.answer, streamed(face), b"".join(burst(face, 3))):
        reader = MessageReader(until_close=True)
        reader.feed(answer)
        heard = dialect.reader(reader.headers[b"content-type"].decode(), tools=frozenset(), new_id=lambda: "id")
        events = [*heard.feed(reader.body), *heard.feed(b"")]
        assert heard.answered or heard.finished
        assert not [event for event in events if isinstance(event, ProxyError)]
        said.append("".join(event.delta.get("content") or "" for event in events if isinstance(event, Delta)))
    assert said == [payloads.TEXT, payloads.TEXT, "~0@0 ~1@0 ~2@0 "]


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("", ""),
        ("started\nport in use\n", ": port in use"),
        ("ModuleNotFoundError: no x\nexiting...\n", ": ModuleNotFoundError: no x"),
    ],
    ids=["silent", "no error named", "an error before the end"],
)
def test_the_last_words_of_a_subject_are_the_telling_ones(output: str, line: str) -> None:
    assert telling_line(output) == line


def test_the_quick_plan_takes_half_the_time() -> None:
    half = [quicker(load) for load in LOADS]
    assert sum(load.seconds * load.slices for load in half) <= sum(load.seconds * load.slices for load in LOADS) / 2


def test_the_summary_names_a_load_and_a_figure_that_there_are() -> None:
    kinds = {load.name: load.kind for load in LOADS}
    for _, load, figure in (*AGAINST_BARE, *AGAINST_PLAIN):
        assert figure in {name for name, *_ in ROWS[kinds[load]]}
        assert BASE[load.partition("-")[0]] == BASE[kinds[load]]
    assert {*PROXIES, *VARIANTS} <= {subject.name for subject in SUBJECTS}


def test_the_summary_is_made_of_ratios_and_leaves_out_a_table_without_any() -> None:
    figures = {"bare": {"requests_per_s": 500.0}, "run": {"requests_per_s": 400.0}}
    found = {name: Measurement(each, 100, 0) for name, each in figures.items()}
    lines = summary([Round(["bare", "run"], {"whole-16": found})]).splitlines()
    assert lines[:2] == ["| | `mitmdump -s addons/qwen.py` | `qwenproxy run` |", "|---|---|---|"]
    assert "| requests/s, 16 connections, more is better | - | 0.80 (0.80-0.80) |" in lines
    assert len(lines) == 2 + len(AGAINST_BARE)
    assert summary([]) == ""


def test_the_report_compares_with_bare_and_names_what_failed() -> None:
    load = LOADS[0]
    found = Round(
        ["bare", "run"],
        {
            load.name: {
                "bare": Measurement({"requests_per_s": 500}, 100, 0),
                "run": Measurement({"requests_per_s": 400}, 100, 2, {"status 502": 2}, foreign=0.5),
            }
        },
        {"run": (70 * 1024, 80 * 1024)},
        ["mitmdump -s qwen.py: did not start: no such file"],
    )
    subjects = [subject for subject in SUBJECTS if subject.name in {"bare", "run"}]
    text = report({"python": "3.13"}, [found], [load], subjects, {})
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "| 1 connection: requests/s | 500 | 400 |",
        "| 1 connection: failed | 0 of 100 | 2 of 100 |",
        "| 1 connection: requests/s ↑ | 0.80 (0.80–0.80) | – |",
        "- run, whole-1: status 502 (2×)",
        "- mitmdump -s qwen.py: did not start: no such file (1×)",
    ):
        assert line in lines
    assert any(line.startswith("- 1 of 1 measurements were disturbed: others used up to 50% of") for line in lines)


def test_workers_are_compared_round_by_round_and_disturbed_rounds_apart() -> None:
    one = [workers.Figures(500, 1.5, [1.0], 0.40, 0.04, 0.01), workers.Figures(500, 1.5, [1.0], 0.40, 0.04, 0.5)]
    two = [
        workers.Figures(950, 1.6, [0.5, 0.5], 0.80, 0.08, 0.02),
        workers.Figures(600, 1.6, [0.6, 0.4], 0.80, 0.08, 0.5),
    ]
    apart = [workers.Figures(1000, 1.5, [0.5, 0.5], 0.80, 0.08, 0.02)] * 2
    found = workers.report({}, {"one": one, "apart": apart, "two": two})
    rows = [line.strip("| ").split("|") for line in found.splitlines()]
    assert [cell.strip() for cell in rows[8]] == ["--workers 2", "775", "1.600", "0.45 : 0.55", "0.80", "0.08", "0.26"]
    told = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows if len(row) == 4}
    assert told["--workers 2, requests/s"] == ["2", "1.55", "1.20-1.90"]
    assert told["the same, where others took next to nothing"] == ["1", "1.90", "1.90-1.90"]
    assert told["two of them apart, requests/s"] == ["2", "2.00", "2.00-2.00"]
    assert told["--workers 2, exchanges per CPU second, both cores"] == ["2", "1.88", "1.88-1.88"]
    assert told["--workers 2 to two of them apart, requests/s"] == ["2", "0.77", "0.60-0.95"]


@pytest.mark.parametrize(("cores", "share"), [(1, 0.0), (2, 0.4), (3, 0.9), (4, 1.0), (64, 1.0)])
def test_two_processes_leave_the_load_its_cores(cores: int, share: float) -> None:
    assert bandwidth.share_of(cores) == pytest.approx(share)


def test_a_part_of_a_core_is_kept_to_and_given_back() -> None:
    try:
        with bandwidth.parts(3) as parts, subprocess.Popen(("sleep", "60")) as process:
            parts[1].give(process.pid)
            assert os.sched_getaffinity(process.pid) == {parts[1].core}
            assert parts[1].folder.name in Path(f"/proc/{process.pid}/cgroup").read_text()
            assert parts[0].core == parts[2].core != parts[1].core
            process.kill()
    except bandwidth.Unavailable as reason:
        pytest.skip(str(reason))
    assert not any(part.folder.exists() for part in parts)


def test_the_launchers_own_time_is_no_workers() -> None:
    assert workers.shares({1: 9.0, 2: 1.0, 3: 3.0}, [1]) == [0.25, 0.75]
    assert workers.shares({1: 9.0, 2: 1.0, 3: 9.0, 4: 1.0}, [1, 3]) == [0.5, 0.5]


@pytest.mark.parametrize(
    "words", [("--rounds", "0"), ("--rounds", "0", "--workers"), ("--rounds", "many"), ("--only", "x")]
)
def test_wrong_options_are_one_line(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        options(words)
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("bench: error: ")


def test_no_rounds_are_for_memory_alone() -> None:
    assert options(("--rounds", "0", "--memory")).rounds == 0
