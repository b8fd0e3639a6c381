"""`usageMetadata` in the names of OpenAI's `usage`.

Google counts thoughts beside the candidates, gateways that know only OpenAI's totals count them among them; what the
total leaves for the answer tells which it is.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from qwenproxy.wire.openai import Json

MODALITIES = ("text", "image", "audio", "video")


def told(counts: Mapping[str, Any]) -> bool:
    """Whether *counts* tell anything: some gateways end a stream with a usage of zeros, which no answer has."""
    return any(map(partial(_count, counts), COUNTS))


def to_openai(counts: Mapping[str, Any]) -> Json:
    """The totals as `dialects.usage` reads them, which fills the gaps."""
    read = {name: _count(counts, name) for name in COUNTS}
    prompt = _sum(read["promptTokenCount"], read["toolUsePromptTokenCount"])
    candidates, thoughts, total = (read[name] for name in ("candidatesTokenCount", "thoughtsTokenCount", TOTAL))
    if total is not None and total < (prompt or 0) + (candidates or 0):
        total = None  # no total of these
    return {
        "prompt_tokens": prompt,
        "completion_tokens": _sum(candidates, thoughts) if total is None or prompt is None else total - prompt,
        "total_tokens": total,
        "prompt_tokens_details": {
            **_modalities(counts.get("promptTokensDetails")),
            "cached_tokens": read["cachedContentTokenCount"] or 0,
        },
        "completion_tokens_details": {
            **_modalities(counts.get("candidatesTokensDetails")),
            "reasoning_tokens": thoughts or 0,
        },
    }


TOTAL = "totalTokenCount"
COUNTS = {
    "promptTokenCount": "prompt_token_count",
    "toolUsePromptTokenCount": "tool_use_prompt_token_count",
    "candidatesTokenCount": "candidates_token_count",
    "thoughtsTokenCount": "thoughts_token_count",
    TOTAL: "total_token_count",
    "cachedContentTokenCount": "cached_content_token_count",
}
"""Each in both spellings."""


def _modalities(details: Any) -> Json:
    """Counts by modality, as DashScope names them: `image_tokens`."""
    found: Json = {}
    for entry in details if isinstance(details, list) else ():
        modality = str(entry.get("modality")).lower() if isinstance(entry, dict) else ""
        if modality in MODALITIES:
            found[f"{modality}_tokens"] = entry.get("tokenCount")
    return found


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else (one or 0) + other


def _count(counts: Mapping[str, Any], name: str) -> int | None:
    value = counts.get(name, counts.get(COUNTS[name]))
    return value if type(value) is int and value >= 0 else None
