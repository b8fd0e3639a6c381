"""Texts with a gap, which coder models fill in: their own words for prefix, suffix and middle.

Source: Qwen2.5-Coder's model card; the vendor's completions API takes nothing else (it knows no `suffix`).
"""

BEFORE, AFTER, MIDDLE = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"


def around(prefix: str, suffix: str) -> str:
    """The prompt for what stands between *prefix* and *suffix*."""
    return f"{BEFORE}{prefix}{AFTER}{suffix}{MIDDLE}"


def is_gap(prompt: str) -> bool:
    """Whether an app has put *prompt* into the models' own words itself, as editors do."""
    return BEFORE in prompt and AFTER in prompt
