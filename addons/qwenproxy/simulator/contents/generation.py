"""`generationConfig` as a chat's parameters, and what Google says against it.  Ranges are the model's own matter."""

from collections.abc import Iterator, Mapping

from qwenproxy.simulator.contents import schemas
from qwenproxy.wire.openai import Json

PLACE = "* GenerateContentRequest.generation_config"
JSON, PLAIN = "application/json", "text/plain"

SAME: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "candidate_count": "n",
    "max_output_tokens": "max_tokens",
    "stop_sequences": "stop",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "response_logprobs": "logprobs",
    "logprobs": "top_logprobs",
}
"""The format's field -> the chat's."""


def complaint(config: Json) -> str | None:
    """What is wrong with the configuration."""
    return next(_odd(config), None)


def _odd(config: Json) -> Iterator[str]:
    kind = config.get("response_mime_type", PLAIN)
    if kind not in (PLAIN, JSON):
        yield f"{PLACE}.response_mime_type: allowed mimetypes are `{PLAIN}` and `{JSON}`."
    given = [field for field in ("response_schema", "response_json_schema") if field in config]
    if len(given) > 1:
        yield f"{PLACE}.response_json_schema: must not be set when response_schema is set"
    if given and kind != JSON:
        yield f"{PLACE}.{given[0]}: only allowed when response_mime_type is `{JSON}`"
    if lines := list(
        schemas.complaints(config["response_schema"], f"{PLACE}.response_schema")
        if given[:1] == ["response_schema"]
        else ()
    ):
        yield "\n".join(lines)
    if "logprobs" in config and not config.get("response_logprobs"):
        yield "Logprobs may only be set when responseLogprobs is true."
    thinking = config.get("thinking_config", {})
    if "thinking_budget" in thinking and "thinking_level" in thinking:
        yield "You can only set only one of thinking budget and thinking level."


def fields_of(config: Json) -> Json:
    """The chat's fields."""
    fields = {name: config[field] for field, name in SAME.items() if field in config}
    if config.get("response_mime_type") == JSON:
        fields["response_format"] = _format(config)
    return fields | _thinking(config.get("thinking_config", {}))


def _format(config: Json) -> Json:
    if "response_schema" in config:
        schema = schemas.json_schema(config["response_schema"])
    elif "response_json_schema" in config:
        schema = config["response_json_schema"]
    else:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "response", "schema": schema}}


def _thinking(config: Json) -> Json:
    """A budget of 0 is none, of -1 the model's own."""
    level, budget = config.get("thinking_level"), config.get("thinking_budget")
    fields: Json = {} if level is None else {"reasoning_effort": level.lower()}
    if budget is not None:
        fields["enable_thinking"] = budget != 0
    if budget is not None and budget > 0:
        fields["thinking_budget"] = budget
    return fields


def shows_thoughts(config: Json) -> bool:
    """Whether thoughts are wanted in the answer."""
    return bool(config.get("thinking_config", {}).get("include_thoughts"))
