"""The faces of an upstream, by its base URL."""

import pytest

from qwenproxy.faces import face_of, face_url, speaking, trimmed
from qwenproxy.plans import CODING_PLAN, PORTAL, STANDARD, Face, Plan

FACES: list[tuple[str, Face, str]] = [
    (STANDARD.base_url, "dashscope", "https://dashscope.aliyuncs.com/api/v1"),
    ("https://dashscope.aliyuncs.com/api/v1", "compatible", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/compatible-mode", "compatible", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/apps/anthropic/v1/", "compatible", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/apps/anthropic", "dashscope", "https://dashscope.aliyuncs.com/api/v1"),
    ("https://dashscope.aliyuncs.com", "compatible", STANDARD.base_url),
    ("https://coding.dashscope.aliyuncs.com/v1", "compatible", "https://coding.dashscope.aliyuncs.com/v1"),
    ("https://portal.qwen.ai/v1", "compatible", "https://portal.qwen.ai/v1"),
    ("http://127.0.0.1:9/compatible-mode/v1", "contents", "http://127.0.0.1:9/v1beta"),
    ("http://127.0.0.1:9/v1beta", "compatible", "http://127.0.0.1:9/compatible-mode/v1"),
    ("http://127.0.0.1:8000/v1", "dashscope", "http://127.0.0.1:8000/api/v1"),
]


@pytest.mark.parametrize(("base_url", "face", "url"), FACES, ids=[f"{row[0]} {row[1]}" for row in FACES])
def test_one_face_is_derived_from_another(base_url: str, face: Face, url: str) -> None:
    assert face_url(base_url, face) == url


NO_FACES: list[tuple[Plan, Face]] = [
    (CODING_PLAN, "dashscope"),
    (PORTAL, "dashscope"),
    (STANDARD, "contents"),
]


@pytest.mark.parametrize(("plan", "face"), NO_FACES, ids=[f"{plan.name} {face}" for plan, face in NO_FACES])
def test_a_face_that_a_plan_has_not_is_not_made_up(plan: Plan, face: Face) -> None:
    with pytest.raises(ValueError, match=f"{plan.name} has no {face} face, only compatible"):
        face_url(plan.base_url, face)


UNSPOKEN: list[tuple[str, Face | None]] = [
    ("https://coding.dashscope.aliyuncs.com/api/v1", "dashscope"),
    ("https://coding.dashscope.aliyuncs.com/api/v1", None),
    ("https://portal.qwen.ai/api/v1", "dashscope"),
    ("https://dashscope.aliyuncs.com/v1beta", "contents"),
    ("https://dashscope.aliyuncs.com/v1beta", None),
]


@pytest.mark.parametrize(("base_url", "face"), UNSPOKEN, ids=[f"{row[0]} {row[1]}" for row in UNSPOKEN])
def test_a_path_does_not_make_a_face_that_a_plan_has_not(base_url: str, face: Face | None) -> None:
    with pytest.raises(ValueError, match=r"has no (dashscope|contents) face, only .*compatible"):
        speaking(base_url, face)


SPOKEN: list[tuple[str, Face | None, str]] = [
    (STANDARD.base_url, None, STANDARD.base_url),
    (STANDARD.base_url, "dashscope", "https://dashscope.aliyuncs.com/api/v1"),
    ("https://dashscope.aliyuncs.com/api/v1", None, "https://dashscope.aliyuncs.com/api/v1"),
    ("http://127.0.0.1:9/openai/v1", "compatible", "http://127.0.0.1:9/openai/v1"),
    ("http://127.0.0.1:9/v1beta", None, "http://127.0.0.1:9/v1beta"),
]


@pytest.mark.parametrize(("base_url", "face", "url"), SPOKEN, ids=[f"{row[0]} {row[1]}" for row in SPOKEN])
def test_an_address_of_the_face_is_left_as_it_is(base_url: str, face: Face | None, url: str) -> None:
    assert speaking(base_url, face) == url


DIALECTS: list[tuple[str, Face]] = [
    ("https://dashscope.aliyuncs.com/compatible-mode/v1", "compatible"),
    ("https://dashscope.aliyuncs.com/api/v1/", "dashscope"),
    ("http://127.0.0.1:9/v1beta", "contents"),
    ("http://127.0.0.1:9/v1", "compatible"),
]


@pytest.mark.parametrize(("base_url", "face"), DIALECTS, ids=[row[0] for row in DIALECTS])
def test_the_end_of_a_base_url_tells_its_dialect(base_url: str, face: Face) -> None:
    assert face_of(base_url) == face


TRIMMED = [
    ("https://dashscope.aliyuncs.com/compatible-mode/v1/", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions/chat/completions/", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com", STANDARD.base_url),
    ("https://coding.dashscope.aliyuncs.com", CODING_PLAN.base_url),
    ("https://gateway.test/qwen", "https://gateway.test/qwen"),
    ("https://gateway.test/qwen/v1", "https://gateway.test/qwen/v1"),
    ("https://gateway.test/api/v1/proxy/v1", "https://gateway.test/api/v1/proxy/v1"),
    ("https://gateway.test/apps/anthropic", "https://gateway.test/compatible-mode/v1"),
    ("https://dashscope.aliyuncs.com/v1", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/compatible-mode/", STANDARD.base_url),
    ("https://dashscope.aliyuncs.com/apps/anthropic", STANDARD.base_url),
    ("https://coding.dashscope.aliyuncs.com/apps/anthropic/v1", CODING_PLAN.base_url),
    (
        "https://dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation",
        "https://dashscope.aliyuncs.com/api/v1",
    ),
    ("http://127.0.0.1:9/v1beta/models/qwen3.7-plus:generateContent", "http://127.0.0.1:9/v1beta"),
    ("http://127.0.0.1:9/v1beta/models", "http://127.0.0.1:9/v1beta"),
    ("https://dashscope.aliyuncs.com/v1beta", "https://dashscope.aliyuncs.com/v1beta"),
]


@pytest.mark.parametrize(("base_url", "url"), TRIMMED, ids=[row[0] for row in TRIMMED])
def test_a_base_url_is_cleaned_of_what_people_leave_at_its_end(base_url: str, url: str) -> None:
    assert trimmed(base_url) == url
