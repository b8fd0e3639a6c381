"""Exact arithmetic: a small parser over fractions, and never Python's own evaluation."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from qwenproxy.tools.tool import ToolError

LONGEST = 1_000
"""Characters of an expression; its nesting is bounded by them."""
DEEPEST = 50
BITS = 13_000
"""Bits of a number: some 3,900 digits."""
DIGITS = 40
"""Decimal places of what has no end."""

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,4}))?|([A-Za-z]+)|(\*\*|//|[-+*/%^!(),−×·÷]))")
_SAME = {"−": "-", "×": "*", "·": "*", "÷": "/", "^": "**", "mod": "%"}


class Token(NamedTuple):
    """A number, or an operator, a bracket or a name."""

    text: str
    number: Fraction | None = None


def calculate(expression: str) -> str:
    """The exact value of *expression*, and decimals where it is no whole number.  Raises ToolError."""
    return shown(Parser(expression).value())


def shown(value: Fraction) -> str:
    """*value* in digits: as it is if it ends, else as a fraction and about."""
    if value.denominator == 1:
        return str(value.numerator)
    scaled = abs(value) * 10**DIGITS
    decimals = f"{int(scaled):0{DIGITS + 1}d}"
    sign = "-" if value < 0 else ""
    text = f"{sign}{decimals[:-DIGITS]}.{decimals[-DIGITS:]}"
    if scaled.denominator == 1:
        return text.rstrip("0")
    return f"{value.numerator}/{value.denominator} ≈ {text}…"


def tokens(expression: str) -> Iterator[Token]:
    """What *expression* is made of.  Raises ToolError."""
    if len(expression) > LONGEST:
        raise ToolError(f"the expression has more than {LONGEST} characters")
    at, text = 0, expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ToolError(f"{text[at : at + 20]!r} is not understood; {GRAMMAR}")
        at = match.end()
        number, exponent, name, sign = match.groups()
        if number is not None:
            yield Token(number, bounded(Fraction(number) * Fraction(10) ** int(exponent or 0)))
        else:
            word = name.lower() if name else sign
            yield Token(_SAME.get(word, word))


class Parser:
    """Precedence climbing: each method takes one level of the grammar and returns its value."""

    def __init__(self, expression: str) -> None:
        self._tokens = list(tokens(expression))
        self._at = 0
        self._depth = 0

    def value(self) -> Fraction:
        """The value of all of it.  Raises ToolError."""
        value = self._sum()
        if self._at < len(self._tokens):
            raise ToolError(f"{self._tokens[self._at].text!r} is not expected there; {GRAMMAR}")
        return value

    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self, *texts: str) -> str:
        """The next token if it is one of *texts*, which is then behind us; else ""."""
        text = self._next()
        if text not in texts or not text:
            return ""
        self._at += 1
        return text

    def _sum(self) -> Fraction:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ToolError(f"the expression is nested more than {DEEPEST} levels deep")
        value = self._product()
        while sign := self._take("+", "-"):
            value = BINARY[sign](value, self._product())
        self._depth -= 1
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while sign := self._take("*", "/", "//", "%"):
            value = BINARY[sign](value, self._signed())
        return value

    def _signed(self) -> Fraction:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Fraction:
        """To the right, and before a sign: -2**2 is -4, and 2**-1 is 1/2."""
        values, signs = [self._postfix()], [1]
        while self._take("**"):
            sign = 1
            while mark := self._take("+", "-"):
                sign = -sign if mark == "-" else sign
            values.append(self._postfix())
            signs.append(sign)
        value = values.pop() * signs.pop()
        while values:
            value = power(values.pop(), value) * signs.pop()
        return value

    def _postfix(self) -> Fraction:
        value = self._atom()
        while self._take("!"):
            value = factorial(value)
        return value

    def _atom(self) -> Fraction:
        if self._at == len(self._tokens):
            raise ToolError(f"the expression ends too early; {GRAMMAR}")
        token = self._tokens[self._at]
        self._at += 1
        if token.number is not None:
            return token.number
        if token.text == "(":
            value = self._sum()
            self._expect(")")
            return value
        if token.text in FUNCTIONS:
            return FUNCTIONS[token.text](self._arguments(token.text))
        raise ToolError(f"{token.text!r} is not known; {GRAMMAR}")

    def _arguments(self, name: str) -> list[Fraction]:
        self._expect("(", f"after {name} ")
        found = [self._sum()]
        while self._take(","):
            found.append(self._sum())
        self._expect(")")
        return found

    def _expect(self, text: str, where: str = "") -> None:
        if not self._take(text):
            raise ToolError(f"{where}{text!r} is missing")


def bounded(value: Fraction) -> Fraction:
    """*value*, unless it is too large to be told.  Raises ToolError."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > BITS:
        raise ToolError("a number gets too large; for a remainder of a power, use pow(base, exponent, modulus)")
    return value


def whole(value: Fraction, what: str) -> int:
    if value.denominator != 1:
        raise ToolError(f"{what} wants whole numbers, not {shown(value)}")
    return value.numerator


def divisor(value: Fraction) -> Fraction:
    if value == 0:
        raise ToolError("division by zero")
    return value


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """*base* to the power of *exponent*, if it is rational and not too large.  Raises ToolError."""
    if exponent.denominator == 2 and base >= 0:
        return power(root(base), exponent * 2)
    times = whole(exponent, "a power")
    if times < 0:
        divisor(base)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) not in (0, 1) and abs(times) * (bits - 1) > BITS:
        raise ToolError("the power is too large; for a remainder of it, use pow(base, exponent, modulus)")
    return bounded(base**times)


def remainder(base: Fraction, exponent: Fraction, modulus: Fraction) -> Fraction:
    """The power's remainder, by a way that never makes the power; exponent -1 is the inverse.  Raises ToolError."""
    numbers = [whole(each, "pow with a modulus") for each in (base, exponent, modulus)]
    try:
        return Fraction(pow(*numbers))
    except ValueError as error:
        raise ToolError(str(error)) from None


def factorial(value: Fraction) -> Fraction:
    number = whole(value, "!")
    if not 0 <= number <= 1_400:
        raise ToolError("! wants a number from 0 to 1400")
    return bounded(Fraction(math.factorial(number)))


def choices(of: Fraction, chosen: Fraction) -> Fraction:
    n, k = whole(of, "comb"), whole(chosen, "comb")
    if not (0 <= n <= BITS and 0 <= k <= BITS):
        raise ToolError(f"comb wants numbers from 0 to {BITS}")
    return bounded(Fraction(math.comb(n, k)))


def root(value: Fraction) -> Fraction:
    """The square root, if it is rational.  Raises ToolError."""
    if value >= 0:
        up, down = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if (found := Fraction(up, down)) ** 2 == value:
            return found
    raise ToolError(f"the square root of {shown(value)} is no fraction, so that there is no exact value")


def rounded(value: Fraction, places: Fraction = Fraction(0)) -> Fraction:
    digits = whole(places, "round")
    if abs(digits) > 1_000:
        raise ToolError("round wants at most 1000 places")
    return Fraction(round(value, digits))


def folded(step: Callable[[int, int], int], name: str) -> Callable[[list[Fraction]], Fraction]:
    def fold(values: list[Fraction]) -> Fraction:
        total = whole(values[0], name)
        for value in values[1:]:
            total = step(total, whole(value, name))
        return bounded(Fraction(total))

    return fold


def of(least: int, most: int, function: Callable[..., Fraction]) -> Callable[[list[Fraction]], Fraction]:
    """*function* of so many numbers."""

    def call(values: list[Fraction]) -> Fraction:
        if not least <= len(values) <= most:
            raise ToolError(f"a function wants {least} to {most} numbers, not {len(values)}")
        return bounded(function(*values))

    return call


BINARY: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: bounded(a + b),
    "-": lambda a, b: bounded(a - b),
    "*": lambda a, b: bounded(a * b),
    "/": lambda a, b: bounded(a / divisor(b)),
    "//": lambda a, b: Fraction(a // divisor(b)),
    "%": lambda a, b: bounded(a % divisor(b)),
}

FUNCTIONS: Mapping[str, Callable[[list[Fraction]], Fraction]] = {
    "abs": of(1, 1, abs),
    "ceil": of(1, 1, lambda value: Fraction(math.ceil(value))),
    "comb": of(2, 2, choices),
    "floor": of(1, 1, lambda value: Fraction(math.floor(value))),
    "gcd": folded(math.gcd, "gcd"),
    "lcm": folded(math.lcm, "lcm"),
    "max": max,
    "min": min,
    "pow": of(2, 3, lambda *values: power(*values) if len(values) == 2 else remainder(*values)),
    "round": of(1, 2, rounded),
    "sqrt": of(1, 1, root),
}

GRAMMAR = f"there are numbers, + - * / // % (or mod) ^ (or **) ! and brackets, and {', '.join(FUNCTIONS)}"
