"""Exact arithmetic, and what is too much of it."""

import random
import time
from fractions import Fraction
from operator import add, floordiv, mod, mul, sub, truediv

import pytest

from qwenproxy.tools.arithmetic import BITS, LONGEST, Parser, calculate, shown
from qwenproxy.tools.tool import ToolError

STEPS = {"+": add, "-": sub, "*": mul, "/": truediv, "//": floordiv, "%": mod}

VALUES = {
    "17^23 mod 1000": "713",
    "17**23 % 1000": "713",
    "pow(17, 23, 1000)": "713",
    "pow(3, 10**50, 7)": "4",
    "pow(3, -1, 7)": "5",
    "1/3 + 1/6": "0.5",
    "0.1 + 0.2": "0.3",
    "1e-3 * 2E3": "2",
    ".5 + 1.": "1.5",
    "22/7": "22/7 ≈ 3.1428571428571428571428571428571428571428…",
    "-1/4": "-0.25",
    "-2**2": "-4",
    "(-2)**2": "4",
    "2**-2": "0.25",
    "2**3**2": "512",
    "2^-3^2": "0.001953125",
    "--3": "3",
    "2 - -3": "5",
    "7 // 2": "3",
    "-7 // 2": "-4",
    "-7 % 3": "2",
    "7.5 mod 2": "1.5",
    "3 × 4 ÷ 6 − 1": "1",
    "20!": "2432902008176640000",
    "-3!": "-6",
    "2^3!": "64",
    "2**200": "1606938044258990275541962092341162602522202993782792835301376",
    "sqrt(16/9)": "4/3 ≈ 1.3333333333333333333333333333333333333333…",
    "16 ** 0.5": "4",
    "gcd(12, 18, 27)": "3",
    "lcm(4, 6)": "12",
    "max(1, 2.5, -3)": "2.5",
    "min(1)": "1",
    "abs(-1/2)": "0.5",
    "floor(-1.5) + ceil(1.2)": "0",
    "round(2.567, 2)": "2.57",
    "comb(5, 2)": "10",
    "((1 + 2) * (3 + 4))": "21",
}


@pytest.mark.parametrize(("expression", "value"), VALUES.items(), ids=VALUES)
def test_the_value_is_exact(expression: str, value: str) -> None:
    assert calculate(expression) == value


WRONG = {
    "": "ends too early",
    "1 +": "ends too early",
    "1 2": "'2' is not expected there",
    "(1": "'\\)' is missing",
    "1 / 0": "division by zero",
    "1 % 0": "division by zero",
    "0 ** -1": "division by zero",
    "pow(2, 3, 0)": "cannot be 0",
    "pow(2, -1, 4)": "not invertible",
    "sqrt(2)": "the square root of 2 is no fraction",
    "sqrt(-4)": "the square root of -4 is no fraction",
    "2 ** (1/3)": "a power wants whole numbers",
    "1.5!": "wants whole numbers",
    "(-1)!": "from 0 to 1400",
    "comb(1)": "2 to 2 numbers",
    "pow(1)": "2 to 3 numbers",
    "x + 1": "'x' is not known",
    "__import__('os')": "is not understood",
    "os.system": "is not understood|is not known",
    "1;2": "is not understood",
    "0x10": "is not expected there|is not known",
    "1e99999": "is not expected there|too large",
}


@pytest.mark.parametrize(("expression", "complaint"), WRONG.items(), ids=WRONG)
def test_what_has_no_value_is_an_error_in_words(expression: str, complaint: str) -> None:
    with pytest.raises(ToolError, match=complaint):
        calculate(expression)


HUGE = [
    "10**10**10",
    "9^9^9^9",
    "(10**1000)**1000",
    "2**13001",
    "1e9999",
    "99999!",
    "comb(10**9, 5)",
    "comb(13000, 6500)*comb(13000, 6500)",
    "10**3000 * 10**3000",
    "(1/3)**99999",
    "lcm(10**3000, 10**3000 + 1)",
    "1/7**4000 + 1/11**3500",
    "(" * 60 + "1" + ")" * 60,
    "(" * 499 + "1" + ")" * 499,
    "1+" * (LONGEST // 2) + "11",
    "!" * 900,
    "round(1/3, 10**9)",
    "pow(2, 10**9)",
]


@pytest.mark.parametrize("expression", HUGE, ids=[text[:24] for text in HUGE])
def test_what_is_too_much_is_refused_at_once(expression: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ToolError):
        calculate(expression)
    assert time.perf_counter() - began < 0.5


def test_every_number_it_takes_can_be_written() -> None:
    assert len(calculate(f"2**{BITS - 1}")) == 3_914
    assert calculate(f"1/3**{BITS // 2}").startswith("1/")


def test_it_agrees_with_fractions_on_random_expressions() -> None:
    chance = random.Random(7)
    for _ in range(300):
        value = Fraction(chance.randint(-20, 20))
        expression = str(value)
        for _ in range(6):
            sign, number = chance.choice(list(STEPS)), chance.randint(1, 20)
            value, expression = Fraction(STEPS[sign](value, Fraction(number))), f"({expression}) {sign} {number}"
        found = Parser(expression).value()
        assert found == value
        if (text := shown(found)).endswith("…"):
            assert Fraction(text.partition(" ")[0]) == value
        else:
            assert Fraction(text) == value
