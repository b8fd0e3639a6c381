"""The request of a legacy completion."""

from openai.types.completion_create_params import CompletionCreateParamsNonStreaming

from qwenproxy.wire.completions import CompletionRequest


def test_the_request_has_the_fields_of_the_openai_package() -> None:
    assert set(CompletionRequest.__annotations__) == set(CompletionCreateParamsNonStreaming.__annotations__)
