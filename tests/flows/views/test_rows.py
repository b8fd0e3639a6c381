"""Rounds as flows of their own."""

import json
from pathlib import Path

import pytest
from mitmproxy import http, io
from mitmproxy.addons.savehar import SaveHar
from mitmproxy.test import tflow

from qwenproxy.flows.door import Door
from qwenproxy.flows.hosts import Hosts
from qwenproxy.flows.views import notes
from qwenproxy.flows.views.rows import extend_har, rounds_of
from tests.support.exchanges import SAID, SENT, URL, noted, recorded


def test_a_round_is_a_flow_as_it_was_on_the_wire() -> None:
    found = noted()
    (row,) = rounds_of(found)
    assert (row.request.method, row.request.url, json.loads(row.request.content or b"")) == ("POST", URL, SENT)
    assert dict(row.request.headers)["user-agent"] == "app/1"
    assert row.response is not None
    assert (row.response.status_code, row.response.content) == (200, SAID)
    assert row.response.headers["content-length"] == str(len(SAID))
    assert row.request.timestamp_start == found.request.timestamp_start
    assert row.response.timestamp_end == found.request.timestamp_start + 1
    assert row.comment == "round 1 of 1 of req_1"


def test_every_round_has_its_flow() -> None:
    rows = rounds_of(noted(recorded(answers=[b"one", b"two"])))
    assert [row.response and row.response.content for row in rows] == [b"one", b"two"]
    assert len({row.id for row in rows}) == 2


def test_a_round_without_an_answer_has_its_error() -> None:
    found = noted()
    kept = found.metadata[notes.KEY]["rounds"][0]
    kept |= {"status": None, "error": "could not be reached"}
    (row,) = rounds_of(found)
    assert row.response is None
    assert row.error is not None
    assert row.error.msg == "could not be reached"


@pytest.mark.parametrize("of", [tflow.tflow(), tflow.ttcpflow()])
def test_what_is_not_ours_has_no_rounds(of: http.HTTPFlow) -> None:
    assert rounds_of(of) == []


def test_a_round_that_is_sent_again_comes_to_us() -> None:
    """It must not go to Qwen past us, whatever its host is."""
    (row,) = rounds_of(noted())
    assert Door(Hosts(["api.openai.com"]), body_limit=1).owns(row)


def test_a_har_file_has_the_rounds_behind_their_exchange(tmp_path: Path) -> None:
    saver = SaveHar()
    extend_har(saver)
    file = tmp_path / "all.har"
    saver.export_har([noted(), tflow.ttcpflow(), tflow.tflow(resp=True)], str(file))
    entries = json.loads(file.read_bytes())["log"]["entries"]
    assert [entry["request"]["url"] for entry in entries[:2]] == ["https://api.openai.com/v1/chat/completions", URL]
    assert [entry["comment"][:12] for entry in entries] == ["chat gpt-4o ", "round 1 of 1", ""]
    read = list(io.read_flows_from_paths([str(file)]))
    assert isinstance(read[1], http.HTTPFlow)
    assert read[1].response is not None
    assert read[1].response.content == SAID
