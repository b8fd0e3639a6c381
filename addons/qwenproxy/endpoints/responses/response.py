"""The response object: what the app asked, said back to it, and what has become of it."""

from typing import Any

from qwenproxy.wire.openai import Head, Json


def fixed(asked: Json, head: Head) -> Json:
    """What is the same in all states of a response."""
    return {
        "id": head.id,
        "object": "response",
        "created_at": head.created,
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "max_tool_calls": asked.get("max_tool_calls"),
        "model": head.model,
        "output": [],
        "parallel_tool_calls": given(asked, "parallel_tool_calls", True),
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": asked.get("prompt_cache_key"),
        "reasoning": reasoning(asked),
        "safety_identifier": asked.get("safety_identifier"),
        "service_tier": "default",
        "store": False,
        "temperature": given(asked, "temperature", 1.0),
        "text": text(asked),
        "tool_choice": tool_choice(asked.get("tool_choice")),
        "tools": [tool(one) for one in asked.get("tools") or ()],
        "top_logprobs": given(asked, "top_logprobs", 0),
        "top_p": given(asked, "top_p", 1.0),
        "truncation": given(asked, "truncation", "disabled"),
        "usage": None,
        "user": asked.get("user"),
        "metadata": given(asked, "metadata", {}),
    }


def given(asked: Json, name: str, default: Any) -> Any:
    value = asked.get(name)
    return default if value is None else value


def summary(asked: Json) -> str | None:
    """How the app wants to see the thinking; None: not at all."""
    options = asked.get("reasoning") or {}
    wanted = options.get("summary") or options.get("generate_summary")
    return None if wanted == "none" else wanted


def reasoning(asked: Json) -> Json:
    return {"effort": (asked.get("reasoning") or {}).get("effort"), "summary": summary(asked)}


def text(asked: Json) -> Json:
    options = asked.get("text") or {}
    return {"format": options.get("format") or {"type": "text"}, "verbosity": options.get("verbosity") or "medium"}


def tool(one: Json) -> Json:
    """A tool as the response has it: functions flat, with all their fields."""
    if one.get("type") != "function":
        return one
    inner = one.get("function")
    function = inner if isinstance(inner, dict) else one
    return {"type": "function", "description": None, "parameters": None, "strict": None} | function


def tool_choice(choice: Any) -> Any:
    """The choice as the response has it: flat."""
    if not isinstance(choice, dict):
        return "auto" if choice is None else choice
    inner = choice.get(str(choice.get("type")))
    return {"type": choice["type"]} | inner if isinstance(inner, dict) else choice


def usage(counts: Json) -> Json:
    """The totals in the words of the Responses API."""
    prompt, completion = counts.get("prompt_tokens_details") or {}, counts.get("completion_tokens_details") or {}
    written = prompt.get("cache_write_tokens", prompt.get("cache_creation_input_tokens", 0))
    return {
        "input_tokens": counts.get("prompt_tokens", 0),
        "input_tokens_details": {"cached_tokens": prompt.get("cached_tokens", 0), "cache_write_tokens": written},
        "output_tokens": counts.get("completion_tokens", 0),
        "output_tokens_details": {"reasoning_tokens": completion.get("reasoning_tokens", 0)},
        "total_tokens": counts.get("total_tokens", 0),
    }
