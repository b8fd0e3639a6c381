"""Exchanges are counted from their beginning to their end, once each."""

from qwenproxy.record import Record
from qwenproxy.traffic import Traffic


class Told:
    """What a watcher is told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def began(self, record: Record) -> None:
        self.words.append(f"+{record.id}")

    def ended(self, record: Record) -> None:
        self.words.append(f"-{record.id} {record.status}")


def record(name: str) -> Record:
    return Record(name, "POST", "chat", lambda: 0.0)


def test_each_is_counted_until_it_is_closed_and_closed_once() -> None:
    told = Told()
    traffic = Traffic([told])
    one, other = traffic.begin(record("one")), traffic.begin(record("other"))
    assert traffic.under_way == 2
    one.close()
    one.close()
    assert traffic.under_way == 1
    other.close(cut=True)
    assert traffic.under_way == 0
    assert told.words == ["+one", "+other", "-one 200", "-other 499"]
