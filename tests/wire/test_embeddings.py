"""The shape of an embeddings request."""

from openai.types.embedding_create_params import EmbeddingCreateParams

from qwenproxy.wire.embeddings import EmbeddingRequest


def test_it_has_every_field_of_the_official_client() -> None:
    assert EmbeddingRequest.__annotations__.keys() == EmbeddingCreateParams.__annotations__.keys()
    assert EmbeddingRequest.__required_keys__ == {"model", "input"}
