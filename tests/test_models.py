"""Model families: the figures of the table, and which row a name leads to."""

import re

import pytest

from qwenproxy.models import FAMILIES, Row, Thinking, canonical, chats, owner_of, row_of

LIMITS = [
    ("qwen3.8-max", 1_000_000, 131_072),
    ("qwen3.7-plus", 1_000_000, 65_536),
    ("qwen3.7-max", 1_000_000, 65_536),
    ("qwen3.6-flash", 1_000_000, 65_536),
    ("qwen3.5-plus-2026-02-15", 1_000_000, 65_536),
    ("coder-model", 1_000_000, 65_536),
    ("qwen3-coder-plus", 1_000_000, 65_536),
    ("qwen3-coder-flash", 1_000_000, 65_536),
    ("qwen3-max", 262_144, 65_536),
    ("qwen3-coder-next", 262_144, 65_536),
    ("qwen3-coder-480b-a35b-instruct", 262_144, 65_536),
    ("qwen-plus", 1_000_000, 32_768),
    ("qwen-flash", 1_000_000, 32_768),
    ("qwen-max", 32_768, 8_192),
    ("vision-model", 262_144, 32_768),
    ("qwen3-vl-plus", 262_144, 32_768),
    ("glm-5.2", 1_048_576, 131_072),
    ("glm-5", 202_752, 16_384),
    ("deepseek-v4-pro", 1_000_000, 393_216),
    ("MiniMax-M2.5", 196_608, 65_536),
    ("kimi-k2.5", 262_144, 32_768),
    ("qwen9-new", 262_144, 32_768),
]


@pytest.mark.parametrize(("model", "context", "max_output"), LIMITS, ids=[row[0] for row in LIMITS])
def test_a_model_has_the_limits_of_the_table(model: str, context: int, max_output: int) -> None:
    row = row_of(model)
    assert (row.context, row.max_output) == (context, max_output)


THINKING: list[tuple[str, Thinking]] = [
    ("qwen3.8-max", "on"),
    ("qwen3.7-plus", "on"),
    ("qwen3.5-27b", "on"),
    ("qwen-plus", "off"),
    ("qwen-flash", "off"),
    ("qwen-turbo", "off"),
    ("qwen3-max", "off"),
    ("qwen3-vl-plus", "off"),
    ("qwen3-vl-flash", "off"),
    ("qwen3-omni-flash", "off"),
    ("qwen3-235b-a22b", "on"),
    ("qwen3-235b-a22b-instruct-2507", "never"),
    ("qwen3-235b-a22b-thinking-2507", "always"),
    ("qwen3-coder-plus", "never"),
    ("qwq-plus", "always"),
    ("qvq-max", "always"),
    ("glm-5.2", "on"),
    ("deepseek-v4-flash", "on"),
    ("kimi-k2.5", "on"),
    ("MiniMax-M2.5", "always"),
]


@pytest.mark.parametrize(("model", "thinking"), THINKING, ids=[row[0] for row in THINKING])
def test_a_model_thinks_by_itself_as_the_table_says(model: str, thinking: Thinking) -> None:
    assert row_of(model).thinking == thinking


@pytest.mark.parametrize("model", ["qwen3-8b", "qwen3-32b", "qwq-32b", "qvq-72b-preview", "qwen3-omni-flash"])
def test_open_weights_think_in_streams_only(model: str) -> None:
    assert row_of(model).thinks_only_streaming


@pytest.mark.parametrize("model", ["qwen-omni-turbo", "qwen2.5-omni-7b", "qwen3-omni-flash", "qwen3.5-omni-plus"])
def test_omni_models_hear_speak_and_only_stream(model: str) -> None:
    row = row_of(model)
    assert row.streams_only
    assert row.audio
    assert row.audio_output


def _sample(pattern: str) -> str:
    """A name that a pattern was made for: its wildcards filled in."""
    return re.sub(r"\[(\d)[^\]]*\]", r"\1", pattern).replace("*", "0")


@pytest.mark.parametrize("place", range(len(FAMILIES)), ids=[pattern for pattern, _ in FAMILIES])
def test_no_family_is_hidden_by_an_earlier_one(place: int) -> None:
    assert row_of(_sample(FAMILIES[place][0])) is FAMILIES[place][1]


@pytest.mark.parametrize(("pattern", "row"), FAMILIES, ids=[pattern for pattern, _ in FAMILIES])
def test_every_row_makes_sense(pattern: str, row: Row) -> None:
    assert pattern == pattern.lower()
    assert row.source
    assert row.context >= row.max_output > 0
    assert row.max_thinking is None or row.max_thinking >= 0
    assert row.thinking != "never" or row.efforts is None
    assert row.audio_output <= row.streams_only


@pytest.mark.parametrize(("pattern", "row"), FAMILIES, ids=[pattern for pattern, _ in FAMILIES])
def test_every_row_says_when_its_source_was_read(pattern: str, row: Row) -> None:
    assert re.search(r"\b2026-\d\d(-\d\d)?$", row.source)


@pytest.mark.parametrize(
    ("model", "owner"),
    [
        ("qwen3.7-plus", "qwen"),
        ("coder-model", "qwen"),
        ("QwQ-32B", "qwen"),
        ("glm-5.2", "zhipu"),
        ("deepseek-v4-pro", "deepseek"),
        ("kimi/kimi-k3", "moonshot"),
        ("MiniMax-M2.5", "minimax"),
        ("llama3", "unknown"),
    ],
)
def test_a_models_maker_is_known_by_its_family(model: str, owner: str) -> None:
    assert owner_of(model) == owner


@pytest.mark.parametrize(
    ("model", "does"),
    [
        *((model, True) for model in ("qwen3.7-plus", "qwen3-omni-flash", "qwen3-vl-plus", "llama3", "qwen-mt-plus")),
        *((model, False) for model in ("text-embedding-v4", "qwen3-rerank", "qwen-image-plus", "wan2.6-t2v")),
        *(
            (model, False)
            for model in ("qwen3-tts-flash", "qwen3-omni-flash-realtime", "cosyvoice-v3", "paraformer-v2")
        ),
    ],
)
def test_a_name_tells_what_does_not_chat(model: str, does: bool) -> None:
    assert chats(model) is does


ABILITIES = [
    ("tools", ["qwen3.7-plus", "qwen3-vl-plus", "qwen3-coder-plus"], ["qwen-mt-plus", "qwen-vl-max", "qwen-vl-ocr"]),
    (
        "cache",
        ["qwen3.7-plus", "qwen-plus", "qwen3-coder-plus", "qwen3-vl-plus"],
        ["qwen-max", "qwen-turbo", "qwen3-8b"],
    ),
    ("opens_thinking", ["qwen3-30b-a3b-thinking-2507", "qwen3.6-27b", "deepseek-r1"], ["qwen3-8b", "glm-5"]),
    ("search", ["qwen3.7-plus", "qwen-max"], ["qwen3-vl-plus", "qwen-vl-max", "qwen-mt-plus"]),
]


@pytest.mark.parametrize(("ability", "able", "unable"), ABILITIES, ids=[row[0] for row in ABILITIES])
def test_models_can_what_the_table_says(ability: str, able: list[str], unable: list[str]) -> None:
    assert {model: getattr(row_of(model), ability) for model in (*able, *unable)} == {
        **dict.fromkeys(able, True),
        **dict.fromkeys(unable, False),
    }


def test_dated_snapshots_of_deepseek_tell_one_effort_more_apart() -> None:
    dated, plain = row_of("deepseek-v4-flash-0731").efforts, row_of("deepseek-v4-flash").efforts
    assert dated is not None
    assert plain is not None
    assert (dated["low"], plain["low"]) == ("low", "high")


def test_case_and_vendor_do_not_change_the_row() -> None:
    assert row_of("Qwen/Qwen3-8B") is row_of("qwen3-8b")
    assert row_of("ZHIPU/GLM-5.2") is row_of("glm-5.2")


NAMES = [
    ("qwen3.7-plus", "qwen3.7-plus"),
    ("Qwen3.7-Plus", "qwen3.7-plus"),
    ("MINIMAX-m2.5", "MiniMax-M2.5"),
    ("MiniMax-M2.5", "MiniMax-M2.5"),
    ("ZHIPU/GLM-5.2", "ZHIPU/GLM-5.2"),
    ("coder-model", "coder-model"),
    ("gpt-4o", None),
    ("o3", None),
    ("text-embedding-3-small", None),
    ("", None),
]


@pytest.mark.parametrize(("model", "name"), NAMES, ids=[row[0] or "empty" for row in NAMES])
def test_names_are_corrected_to_the_upstreams_case(model: str, name: str | None) -> None:
    assert canonical(model) == name
