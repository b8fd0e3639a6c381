"""What a request costs."""

import pytest

from qwenproxy.models import Row
from qwenproxy.simulator import tokens
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.costs import prompt_of
from qwenproxy.simulator.reply import Prompt
from tests.support.simulated import WEATHER, png


def cost(content: object, **fields: object) -> Prompt:
    return prompt_of(Ask({"messages": [{"role": "user", "content": content}], **fields}, Row()))


def test_text_costs_more_than_its_tokens() -> None:
    assert cost("Hello").text > tokens.count("Hello")


def test_tools_cost_too() -> None:
    assert cost("Hello", tools=[WEATHER]).text > cost("Hello").text


@pytest.mark.parametrize(
    ("url", "images"),
    [(png(280, 280), 100), (png(11, 11), 4), ("https://example.com/a.png", 256), ("data:image/webp;base64,AAAA", 256)],
    ids=["by its size", "a small one", "a link", "of unknown size"],
)
def test_pictures_cost(url: str, images: int) -> None:
    assert cost([{"type": "image_url", "image_url": {"url": url}}]).images == images
