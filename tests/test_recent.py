"""What one connection remembers of its responses."""

from qwenproxy.recent import Known, Recent


def known(size: int = 1) -> Known:
    return Known([{"id": "item"}], size, kept=False)


def test_the_latest_of_each_lane_is_found_from_any() -> None:
    recent = Recent(10)
    recent.put(None, "a", known())
    recent.put("x", "b", known())
    recent.put(None, "c", known())
    assert [recent.find(name) is not None for name in ("a", "b", "c", None)] == [False, True, True, False]


def test_a_failure_makes_its_own_lane_forget() -> None:
    recent = Recent(10)
    recent.put("x", "a", known())
    recent.drop("y", "a")
    recent.drop("x", "other")
    assert recent.find("a") is not None
    recent.drop("x", "a")
    assert recent.find("a") is None


def test_beyond_its_limit_the_oldest_is_forgotten() -> None:
    recent = Recent(10)
    for lane, size in (("x", 4), ("y", 4), ("x", 5), ("z", 5)):
        recent.put(lane, lane, known(size))
    assert [name for name in "xyz" if recent.find(name)] == ["x", "z"]
    recent.put("y", "y", known(11))
    assert not [name for name in "xyz" if recent.find(name)]
