"""OpenAI's embeddings: the request an app sends.  Source: the `openai` package's types."""

from typing import Annotated, Any, Literal, Required, TypedDict

from pydantic import Field, with_config


@with_config(extra="allow", strict=True)
class EmbeddingRequest(TypedDict, total=False):
    """The body of POST /v1/embeddings: all that OpenAI knows.  A null is the same as nothing; other fields are allowed.

    `input` is a text, a list of texts, token ids, or a list of lists of token ids; the endpoint reads it itself, so
    that what is wrong with one of thousands is named by its place.
    """

    model: Required[Annotated[str, Field(min_length=1)]]
    input: Required[Any]
    dimensions: Annotated[int, Field(ge=1)] | None
    encoding_format: Literal["float", "base64"] | None
    user: str | None
