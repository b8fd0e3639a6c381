"""Log lines for people, and for machines."""

import io
import logging

import orjson
import pytest

from qwenproxy import logs


@pytest.fixture
def logger() -> logging.Logger:
    made = logging.Logger("qwenproxy.test")  # of no one's hierarchy
    made.setLevel(logging.INFO)
    return made


def test_a_json_line_holds_the_facts_as_they_are(logger: logging.Logger) -> None:
    out = io.StringIO()
    logger.addHandler(logs.handler("json", out))
    logger.info("POST chat 200", extra={"exchange": {"status": 200, "dropped": ["user"]}})
    line = orjson.loads(out.getvalue())
    assert line["exchange"] == {"status": 200, "dropped": ["user"]}
    assert (line["level"], line["logger"]) == ("info", "qwenproxy.test")


def test_any_other_line_is_a_message_and_stays_one_line(logger: logging.Logger) -> None:
    out = io.StringIO()
    logger.addHandler(logs.handler("json", out))
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("it %s", "failed")
    assert out.getvalue().count("\n") == 1
    line = orjson.loads(out.getvalue())
    assert line["message"] == "it failed"
    assert "ValueError: two\nlines" in line["traceback"]


def test_text_lines_are_short(logger: logging.Logger) -> None:
    out = io.StringIO()
    logger.addHandler(logs.handler("text", out))
    logger.warning("careful")
    assert out.getvalue().endswith(" W careful\n")


def test_lines_name_their_worker(logger: logging.Logger) -> None:
    text, json = io.StringIO(), io.StringIO()
    logger.addHandler(logs.handler("text", text, worker="2"))
    logger.addHandler(logs.handler("json", json, worker="2"))
    logger.warning("careful")
    assert text.getvalue().endswith(" W worker 2: careful\n")
    line = orjson.loads(json.getvalue())
    assert (line["worker"], line["message"]) == (2, "careful")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            "HTTPConnectionPool(host='a', port=1): url: /v1?key=SECRET (x)",
            "HTTPConnectionPool(host='a', port=1): url: /v1?… (x)",
        ),
        ("at http://user:SECRET@a:1/v1/traces", "at http://…@a:1/v1/traces"),
        ("Unauthorized", "Unauthorized"),
    ],
)
def test_what_cannot_be_exported_is_told_without_keys(error: str, told: str, caplog: pytest.LogCaptureFixture) -> None:
    logs.leave_out_secrets()
    for kind in ("trace", "metric"):
        exporter = logging.getLogger(f"opentelemetry.exporter.otlp.proto.http.{kind}_exporter")
        exporter.warning("Transient error %s encountered", error)
        assert caplog.records[-1].getMessage() == f"Transient error {told} encountered"


@pytest.mark.parametrize("name", ["httpx2", "httpcore2.http11", "mcp.client", "urllib3.connectionpool"])
def test_clients_do_not_tell_of_their_requests(name: str, caplog: pytest.LogCaptureFixture) -> None:
    logs.leave_out_secrets()
    with caplog.at_level(logging.DEBUG):  # as mitmproxy has it
        logging.getLogger(name).info("POST http://127.0.0.1/mcp?key=SECRET")
        logging.getLogger(name).warning("told")
    assert [record.message for record in caplog.records] == ["told"]


def test_json_lines_go_nowhere_else_until_undone(caplog: pytest.LogCaptureFixture) -> None:
    out = io.StringIO()
    handler = logs.use_json(out)
    try:
        logging.getLogger("qwenproxy.some").warning("one")
    finally:
        logs.undo_json(handler)
    logging.getLogger("qwenproxy.some").warning("two")
    assert orjson.loads(out.getvalue())["message"] == "one"
    assert [record.getMessage() for record in caplog.records] == ["two"]


@pytest.mark.parametrize(
    ("name", "line", "left"),
    [
        (
            "mitmproxy.proxy.server",
            "Client closed: b'POST / HTTP/1.1\\r\\nauthorization: Bearer sk'",
            "Client closed: …",
        ),
        ("mitmproxy.proxy.server", "Invalid header line: b\"cookie 'sk'\"", "Invalid header line: …"),
        ("mitmproxy.addons.next_layer", "not enough data: '504f5354202f'", "not enough data: …"),
        ("mitmproxy.proxy.server", "client connect", "client connect"),
        ("mitmproxy.proxy.server", "server connect example.com:443 (1.2.3.4:443)", None),
        ("mitmproxy.elsewhere", "b'as it is'", None),
    ],
)
def test_bytes_that_mitmproxy_quotes_are_left_out(
    caplog: pytest.LogCaptureFixture, name: str, line: str, left: str | None
) -> None:
    logs.leave_out_secrets()
    logs.leave_out_secrets()
    logging.getLogger(name).warning("%s", line)
    assert caplog.messages == [left or line]
    assert len(logging.getLogger("mitmproxy.proxy.server").filters) == 1
