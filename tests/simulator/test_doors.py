"""The ways in."""

import pytest
from aiohttp.test_utils import make_mocked_request

from qwenproxy.simulator.doors import TALKS, bearer, door_of
from qwenproxy.simulator.refusals import BAD_KEY


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer sk-1", "sk-1"), ("bearer  sk-1 ", "sk-1"), ("Basic sk-1", ""), ("sk-1", ""), ("", "")],
)
def test_a_bearer_token_is_what_follows_the_word(header: str, token: str) -> None:
    assert bearer(make_mocked_request("POST", "/", {"Authorization": header})) == token


@pytest.mark.parametrize("path", TALKS)
def test_a_face_refuses_in_the_form_of_its_door(path: str) -> None:
    face = TALKS[path](make_mocked_request("POST", path))
    assert face.error(BAD_KEY, "1") == door_of(path).error(BAD_KEY, "1")


def test_every_other_path_has_a_door_too() -> None:
    assert door_of("/nowhere").error(BAD_KEY, "1").keys() == {"error", "id", "request_id"}
