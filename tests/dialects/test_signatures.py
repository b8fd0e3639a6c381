"""The memory for thought signatures: found by the call's id, bounded in number and size."""

from qwenproxy.dialects.signatures import LARGEST, MOST, ROOM, Signatures


def test_a_signature_is_found_by_its_call() -> None:
    signatures = Signatures()
    signatures.keep("call_1", "one")
    signatures.keep("call_2", "two")
    assert signatures.of("call_1") == "one"
    assert signatures.of("call_2") == "two"
    assert signatures.of("call_3") is None


def test_the_latest_signature_of_a_call_counts() -> None:
    signatures = Signatures()
    signatures.keep("call_1", "one")
    signatures.keep("call_1", "other")
    assert signatures.of("call_1") == "other"


def test_the_oldest_go_when_there_are_too_many() -> None:
    signatures = Signatures()
    for number in range(MOST + 10):
        signatures.keep(f"call_{number}", "x")
    assert signatures.of("call_9") is None
    assert signatures.of("call_10") == "x"


def test_what_is_asked_for_stays() -> None:
    signatures = Signatures()
    for number in range(2 * MOST):
        signatures.keep(f"call_{number}", "x")
        assert signatures.of("call_0") == "x"


def test_the_oldest_go_when_they_are_too_large() -> None:
    signatures = Signatures()
    fit = ROOM // LARGEST - 1
    for number in range(fit + 1):
        signatures.keep(f"call_{number}", "x" * (LARGEST - 10))
    assert signatures.of("call_0") is not None
    for number in range(fit + 1, fit + 3):
        signatures.keep(f"call_{number}", "x" * (LARGEST - 10))
    assert signatures.of("call_1") is None
    assert signatures.of("call_0") is not None


def test_room_is_given_back() -> None:
    signatures = Signatures()
    for _ in range(3 * ROOM // LARGEST):
        signatures.keep("call_1", "x" * LARGEST)
    signatures.keep("call_2", "y")
    assert signatures.of("call_1") is not None


def test_a_signature_beyond_all_measure_is_not_kept() -> None:
    signatures = Signatures()
    signatures.keep("call_1", "x")
    signatures.keep("call_2", "x" * (LARGEST + 1))
    assert signatures.of("call_1") == "x"
    assert signatures.of("call_2") is None
