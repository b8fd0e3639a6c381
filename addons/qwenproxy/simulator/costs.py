"""What a request costs: the tokens of its messages, tools and pictures."""

import orjson

from qwenproxy.simulator import tokens
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.pictures import Picture, picture_of
from qwenproxy.simulator.reply import Prompt

MESSAGE_COST, PATCH, LINK_COST = 4, 28, 256
"""Tokens of a message's frame; pixels of a token's side in a picture (Qwen-VL); tokens of a picture not seen."""


def prompt_of(ask: Ask) -> Prompt:
    """The tokens of a request whose pictures can be read (see the checks)."""
    offered = orjson.dumps(ask.tools + ask.calls).decode() if ask.tools or ask.calls else ""
    images = sum(_picture(picture_of(url)) for url in ask.images)
    return Prompt(tokens.count(ask.text) + MESSAGE_COST * len(ask.messages) + tokens.count(offered), images)


def _picture(picture: Picture) -> int:
    if picture.width is None or picture.height is None:
        return LINK_COST
    return max(4, (picture.width // PATCH) * (picture.height // PATCH))
