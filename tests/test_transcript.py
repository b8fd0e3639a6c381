"""What is kept of the rounds of an exchange."""

from urllib.parse import quote

import pytest

from qwenproxy.transcript import ROUNDS, Entry, Transcript, hidden

URL = "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"
TOKEN = "sk-qwen/TOKEN+1"
SENT = {"content-type": "application/json", "Authorization": f"Bearer {TOKEN}", "cookie": "a=b"}


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def transcript(limit: int = 100, clock: Clock | None = None) -> Transcript:
    return Transcript(limit, clock or Clock())


def begun(made: Transcript, body: bytes = b"{}") -> Entry:
    entry = made.begin("POST", URL, SENT, body, TOKEN)
    assert entry is not None
    return entry


def test_a_round_is_kept_with_its_times() -> None:
    clock = Clock()
    made = transcript(clock=clock)
    clock.now += 0.5
    entry = begun(made)
    clock.now += 1
    entry.answered(SENT | {"host": "x"}, 200, {"content-type": "text/event-stream", "Set-Cookie": "c"})
    for data in (b"one", b"two", b""):
        clock.now += 1
        entry.heard(data)
    made.settle()
    (kept,) = made.rounds
    assert (kept["method"], kept["url"], kept["body"], kept["size"]) == ("POST", URL, b"{}", 2)
    assert kept["headers"] == [["content-type", "application/json"], ["host", "x"]]
    assert (kept["status"], kept["answer_headers"]) == (200, [["content-type", "text/event-stream"]])
    assert (kept["answer"], kept["answer_size"], kept["whole"]) == (b"onetwo", 6, True)
    assert (kept["sent"], kept["answered"], kept["first"], kept["last"]) == (0.5, 1.5, 2.5, 3.5)


def test_no_more_than_the_limit_is_kept_of_a_body() -> None:
    made = transcript(limit=4)
    entry = begun(made, b"123456")
    for data in (b"abc", b"def", b"ghi", b""):
        entry.heard(data)
    made.settle()
    (kept,) = made.rounds
    assert (kept["body"], kept["size"]) == (b"1234", 6)
    assert (kept["answer"], kept["answer_size"], kept["whole"]) == (b"abcd", 9, False)


def test_a_round_may_be_looked_at_while_it_goes_on() -> None:
    made = transcript()
    entry = begun(made)
    entry.heard(b"one")
    made.settle()
    assert made.rounds[0]["answer"] == b"one"
    entry.heard(b"two")
    made.settle()
    assert (made.rounds[0]["answer"], made.rounds[0]["whole"]) == (b"onetwo", False)


def test_no_more_than_so_many_rounds_are_kept() -> None:
    made = transcript()
    for _ in range(ROUNDS):
        begun(made)
    assert made.begin("POST", URL, SENT, b"", TOKEN) is None
    assert (len(made.rounds), made.left_out) == (ROUNDS, 1)


def test_each_round_knows_what_became_of_its_request_and_its_answer() -> None:
    made = transcript()
    made.taught(["nobody has been asked yet"])
    made.ruled(("logit_bias",), ("temperature 2 -> 1.99",))
    begun(made).failed("refused")
    made.taught(("max_output=64",))
    made.ruled((), ())
    begun(made).read_by(3, lambda: ["an id"])
    made.settle()
    first, second = made.rounds
    assert (first["dropped"], first["changed"]) == (["logit_bias"], ["temperature 2 -> 1.99"])
    assert (first["learned"], first["error"], first["choice"]) == (["max_output=64"], "refused", 0)
    assert (second["dropped"], second["learned"], second["repaired"], second["choice"]) == ([], [], ["an id"], 3)


def test_a_token_that_is_cut_by_the_network_is_taken_out_all_the_same() -> None:
    made = transcript()
    entry = begun(made)
    entry.answered({}, 401, {"x-said": f"no {TOKEN}"})
    for piece in (b'"bad key ', TOKEN[:5].encode(), TOKEN[5:].encode(), b'"'):
        entry.heard(piece)
    made.settle()
    (kept,) = made.rounds
    assert kept["answer"] == b'"bad key [secret]"'
    assert kept["answer_headers"] == [["x-said", "no [secret]"]]


@pytest.mark.parametrize("spelling", [TOKEN, TOKEN.replace("/", "\\/"), quote(TOKEN, safe="")])
def test_a_token_is_taken_out_however_it_is_spelled(spelling: str) -> None:
    assert hidden(f"a {spelling} b".encode(), TOKEN) == b"a [secret] b"


@pytest.mark.parametrize("length", range(len(TOKEN)))
def test_what_is_cut_does_not_end_in_the_beginning_of_a_token(length: int) -> None:
    assert hidden(b"key: " + TOKEN[:length].encode(), TOKEN, cut=True) == b"key: "


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nothing_is_hidden(token: str | None) -> None:
    assert hidden(b"abc", token, cut=True) == b"abc"
