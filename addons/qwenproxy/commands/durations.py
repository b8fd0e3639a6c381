"""Spans of time, as people read them."""

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def span(seconds: float) -> str:
    """*seconds* in its largest units, two at most: 5 h 59 min."""
    left = max(0, round(seconds))
    numbers: list[tuple[int, str]] = []
    for unit, size in UNITS:
        number, left = divmod(left, size)
        numbers.append((number, unit))
    first = next((at for at, (number, _) in enumerate(numbers) if number), len(UNITS) - 1)
    return " ".join(f"{number} {unit}" for number, unit in numbers[first : first + 2] if number) or "0 s"


def clock(seconds: float) -> str:
    """*seconds* as a countdown shows them: 14:59."""
    left = max(0, round(seconds))
    hours, minutes = divmod(left // 60, 60)
    return f"{hours}:{minutes:02}:{left % 60:02}" if hours else f"{minutes}:{left % 60:02}"
