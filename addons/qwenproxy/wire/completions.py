"""OpenAI's legacy completion: the request that an app sends.

Source: the `openai` package's types (3.54) and OpenAI's OpenAPI document.
"""

from typing import Annotated, Any, Required, TypedDict

from pydantic import Field, with_config

from qwenproxy.wire.openai import Items, Json, Penalty, StreamOptions, TokenLimit


@with_config(extra="allow", strict=True)
class CompletionRequest(TypedDict, total=False):
    """The body of POST /v1/completions.  A null is the same as nothing; what `prompt` holds is checked apart."""

    model: Required[Annotated[str, Field(min_length=1)]]
    prompt: Any
    best_of: Annotated[int, Field(ge=1, le=20)] | None
    echo: bool | None
    frequency_penalty: Penalty | None
    logit_bias: Json | None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None
    max_tokens: TokenLimit | None
    n: Annotated[int, Field(ge=1, le=128)] | None
    presence_penalty: Penalty | None
    seed: int | None
    stop: str | Annotated[Items[str], Field(max_length=4)] | None
    stream: bool | None
    stream_options: StreamOptions | None
    suffix: str | None
    temperature: Annotated[float, Field(ge=0, le=2)] | None
    top_p: Annotated[float, Field(ge=0, le=1)] | None
    user: str | None
