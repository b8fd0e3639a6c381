"""The simulated embeddings: three faces, their limits, and the words in which they refuse."""

from typing import Any

import pytest

from qwenproxy.simulator.server import Simulator
from tests.support.simulated import Answer, Client

COMPATIBLE = "/compatible-mode/v1/embeddings"
TEXT = "/api/v1/services/embeddings/text-embedding/text-embedding"
MULTIMODAL = "/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding"
CONTENTS = "/v1beta/models/text-embedding-v4"
V4 = "text-embedding-v4"


async def compatible(client: Client, said: Any, **fields: Any) -> Answer:
    return await client.send("POST", COMPATIBLE, {"model": V4, "input": said, **fields})


async def native(client: Client, said: Any, model: str = V4, **parameters: Any) -> Answer:
    return await client.send("POST", TEXT, {"model": model, "input": {"texts": said}, "parameters": parameters})


async def multimodal(client: Client, *items: Any, model: str = "qwen3-vl-embedding") -> Answer:
    return await client.send("POST", MULTIMODAL, {"model": model, "input": {"contents": items}})


def content(text: str, **fields: Any) -> Any:
    return {"model": f"models/{V4}", "content": {"parts": [{"text": text}]}, **fields}


async def test_the_compatible_face_answers_as_openai_does(client: Client) -> None:
    answer = (await compatible(client, ["one two", "three"], dimensions=64)).json
    assert (answer["object"], answer["model"]) == ("list", V4)
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert [(item["object"], item["index"], len(item["embedding"])) for item in answer["data"]] == [
        ("embedding", 0, 64),
        ("embedding", 1, 64),
    ]
    assert (await compatible(client, "three", dimensions=64)).json["data"][0]["embedding"] == answer["data"][1][
        "embedding"
    ]


async def test_the_native_face_has_its_own_shape(client: Client) -> None:
    answer = (await native(client, ["one", "two"], dimension=128)).json
    assert answer.keys() == {"output", "usage", "request_id"}
    assert answer["usage"] == {"total_tokens": 2}
    found = answer["output"]["embeddings"]
    assert [(item["text_index"], len(item["embedding"])) for item in found] == [(0, 128), (1, 128)]


async def test_models_that_see_take_items(client: Client) -> None:
    answer = (await multimodal(client, {"text": "a"}, {"image": "https://x/y.png"})).json
    found = answer["output"]["embeddings"]
    assert [(item["index"], item["type"], len(item["embedding"])) for item in found] == [
        (0, "text", 2560),
        (1, "image", 2560),
    ]
    assert answer["usage"]["image_count"] == 1


async def test_the_contents_face_takes_one_or_many(client: Client) -> None:
    one = (await client.send("POST", f"{CONTENTS}:embedContent", content("a", outputDimensionality=64))).json
    many = (
        await client.send(
            "POST",
            f"{CONTENTS}:batchEmbedContents",
            {"requests": [content(text, outputDimensionality=64) for text in "ab"]},
        )
    ).json
    assert len(many["embeddings"]) == 2
    assert many["embeddings"][0]["values"] == one["embedding"]["values"]
    assert len(one["embedding"]["values"]) == 64


async def test_faces_and_purposes_have_vectors_of_their_own(client: Client) -> None:
    found = [
        (await compatible(client, ["a"])).json["data"][0]["embedding"],
        (await native(client, ["a"])).json["output"]["embeddings"][0]["embedding"],
        (await native(client, ["a"], text_type="query")).json["output"]["embeddings"][0]["embedding"],
        (await client.send("POST", f"{CONTENTS}:embedContent", content("a"))).json["embedding"]["values"],
    ]
    assert len({tuple(vector) for vector in found}) == len(found)


@pytest.mark.parametrize(
    ("said", "fields", "message"),
    [
        (["a"] * 11, {}, "batch size is invalid, it should not be larger than 10.: input.contents"),
        (["a"] * 26, {"model": "text-embedding-v2"}, "it should not be larger than 25"),
        (["a"] * 21, {"model": "qwen3.7-text-embedding"}, "it should not be larger than 20"),
        ([[1, 2]], {}, "contents is neither str nor list of str"),
        ([1, 2], {}, "contents is neither str nor list of str"),
        (None, {}, "contents is neither str nor list of str"),
        ([], {}, "contents is empty"),
        (["a", ""], {}, "Range of input length should be [1, 8192]"),
        (["a b " * 5_000], {}, "Range of input length should be [1, 8192]"),
        (["a"], {"dimensions": 100}, "dimension is invalid"),
    ],
)
async def test_what_the_service_refuses_is_refused_in_its_words(
    client: Client, said: Any, fields: Any, message: str
) -> None:
    answer = await compatible(client, said, **fields)
    assert (answer.status, answer.error["type"], answer.error["code"]) == (400, "InvalidParameter", "InvalidParameter")
    assert answer.error["message"].startswith("<400> InternalError.Algo.InvalidParameter: ")
    assert message in answer.error["message"]


async def test_a_model_of_one_size_passes_over_the_dimensions(client: Client) -> None:
    answer = await compatible(client, "a", model="text-embedding-v2", dimensions=100)
    assert len(answer.json["data"][0]["embedding"]) == 1536


@pytest.mark.parametrize("model", ["text-embedding-3-small", "qwen3-vl-embedding", "Text-Embedding-V4"])
async def test_other_models_are_not_there(client: Client, model: str) -> None:
    assert (await compatible(client, "a", model=model)).status == 404
    assert (await native(client, ["a"], model)).status == 404


async def test_the_native_face_refuses_in_its_own_envelope(client: Client) -> None:
    answer = await native(client, ["a"] * 11)
    assert (answer.status, answer.json.keys()) == (400, {"code", "message", "request_id"})
    assert answer.json["code"] == "InvalidParameter"


async def test_models_for_texts_are_not_where_items_are_taken(client: Client) -> None:
    assert "url error" in (await multimodal(client, {"text": "a"}, model=V4)).json["message"]
    assert "unknown modality" in (await multimodal(client, {"words": "a"})).json["message"]


@pytest.mark.parametrize("body", [b"", [], {"requests": 1}, {"requests": [1]}])
async def test_what_is_no_request_is_refused(client: Client, body: Any) -> None:
    assert (await client.send("POST", f"{CONTENTS}:batchEmbedContents", body)).status == 400


async def test_the_key_is_checked(client: Client) -> None:
    assert (await client.send("POST", COMPATIBLE, {"model": V4, "input": "a"}, key="sk-else")).status == 401


async def test_a_text_may_ask_for_a_refusal_and_for_oddities_of_time(client: Client, simulator: Simulator) -> None:
    text = "a [sim: error limit_requests 7 once]"
    assert [(await compatible(client, ["b", text])).status for _ in range(2)] == [429, 200]
    assert (await compatible(client, "a [sim: nothing]")).body == b""


@pytest.mark.parametrize("wish", ["[sim: parallel]", "[sim: what]", "[sim: error what]"])
async def test_what_means_nothing_here_is_said(client: Client, wish: str) -> None:
    answer = await compatible(client, f"a {wish}")
    assert (answer.status, "cannot do that" in answer.error["message"]) == (400, True)
