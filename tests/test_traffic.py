"""Exchanges are counted from their beginning to their end, once each."""

from collections.abc import Mapping

from qwenproxy.record import Record
from qwenproxy.traffic import Traffic


class Told:
    """What a watcher is told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def began(self, record: Record, headers: Mapping[str, str]) -> None:
        self.words.append(f"+{record.id} {dict(headers)}")

    def ended(self, record: Record) -> None:
        self.words.append(f"-{record.id} {record.status}")


def record(name: str) -> Record:
    return Record(name, "POST", "chat", lambda: 0.0)


def test_each_is_counted_until_it_is_closed_and_closed_once() -> None:
    told = Told()
    traffic = Traffic([told])
    one, other = traffic.begin(record("one"), {"a": "b"}), traffic.begin(record("other"))
    assert traffic.under_way == 2
    one.close()
    one.close()
    assert traffic.under_way == 1
    other.close(cut=True)
    assert traffic.under_way == 0
    assert told.words == ["+one {'a': 'b'}", "+other {}", "-one 200", "-other 499"]


def test_who_is_told_of_a_beginning_is_told_of_the_end() -> None:
    before, after = Told(), Told()
    traffic = Traffic([before])
    under_way = traffic.begin(record("one"))
    traffic.watchers = [after]
    traffic.begin(record("other")).close()
    under_way.close()
    assert (before.words, after.words) == (["+one {}", "-one 200"], ["+other {}", "-other 200"])
