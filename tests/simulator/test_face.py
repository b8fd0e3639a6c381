"""What every face has in common."""

import pytest

from qwenproxy.simulator.doors import FACES
from qwenproxy.simulator.face import Face
from qwenproxy.simulator.scenarios import SCENARIOS, is_on


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_a_face_distorts_what_can_be_asked_for(face: type[Face]) -> None:
    assert [name for name in face.distortions if not SCENARIOS[name].distorts] == []


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_a_face_is_without_scenarios_that_are_there(face: type[Face]) -> None:
    assert [name for name in face.without if name not in SCENARIOS or SCENARIOS[name].distorts] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_means_something_somewhere(name: str) -> None:
    assert any(is_on(name, face) for face in FACES)


def test_faces_are_told_apart_by_their_names() -> None:
    assert len({face.name for face in FACES}) == len(FACES)
