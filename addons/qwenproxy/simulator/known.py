"""The models that the simulator knows, by their exact names, and what it lists.

Source: qwen-wire A.8, B.4, B.5, D.2, D.3; snapshots carry a date or `-latest`, and are known but not listed.
"""

import re

NAMES = """
coder-model vision-model
qwen3.8-max qwen3.8-flash
qwen3.7-max qwen3.7-plus qwen3.7-flash
qwen3.6-max-preview qwen3.6-plus qwen3.6-flash
qwen3.5-plus qwen3.5-flash
qwen3-max qwen3-max-preview qwen3-coder-plus qwen3-coder-flash qwen3-coder-next
qwen-max qwen-plus qwen-flash qwen-turbo qwen-long
qwen3-vl-plus qwen3-vl-flash qwen-vl-max qwen-vl-plus qwen-vl-ocr
qwen3.5-omni-plus qwen3.5-omni-flash qwen3-omni-flash qwen-omni-turbo
qwq-plus qwq-32b qvq-max qvq-plus qvq-72b-preview
qwen-coder-plus qwen-coder-turbo qwen-math-plus qwen-math-turbo qwen-mt-plus qwen-mt-turbo qwen-mt-flash
qwen3.6-27b qwen3.6-35b-a3b qwen3.5-397b-a17b qwen3.5-122b-a10b qwen3.5-35b-a3b qwen3.5-27b
qwen3-235b-a22b qwen3-32b qwen3-30b-a3b qwen3-14b qwen3-8b qwen3-4b qwen3-1.7b qwen3-0.6b
qwen3-235b-a22b-thinking-2507 qwen3-235b-a22b-instruct-2507
qwen3-30b-a3b-thinking-2507 qwen3-30b-a3b-instruct-2507
qwen3-next-80b-a3b-thinking qwen3-next-80b-a3b-instruct
qwen3-coder-480b-a35b-instruct qwen3-coder-30b-a3b-instruct
qwen3-vl-235b-a22b-thinking qwen3-vl-235b-a22b-instruct qwen3-vl-32b-instruct qwen3-vl-8b-instruct
qwen2.5-72b-instruct qwen2.5-32b-instruct qwen2.5-14b-instruct qwen2.5-7b-instruct qwen2.5-14b-instruct-1m
qwen2.5-vl-72b-instruct qwen2.5-vl-7b-instruct qwen2.5-omni-7b
qwen2.5-coder-32b-instruct qwen2.5-coder-14b-instruct qwen2.5-coder-7b-instruct
deepseek-v4-pro deepseek-v4-flash deepseek-v3.2 deepseek-v3.1 deepseek-v3 deepseek-r1
glm-5.2 glm-5.1 glm-5 glm-4.7 glm-4.6 glm-4.5 glm-4.5-air
kimi-k3 kimi-k2.7-code kimi-k2.6 kimi-k2.5 kimi-k2-thinking
MiniMax-M2.5 MiniMax-M2.1
kimi/kimi-k3 ZHIPU/GLM-5.2
"""
KNOWN = tuple(NAMES.split())

OTHERS = "text-embedding-v4 text-embedding-v3 qwen3-rerank gte-rerank-v2 qwen3-asr-flash"
LISTED = (*KNOWN, *OTHERS.split())
"""The service lists what does not chat, too."""

SNAPSHOT = re.compile(r"-(latest|\d{4}-\d\d-\d\d|\d{4})$")


def is_known(name: str) -> bool:
    """Whether a model of that name is there; case matters."""
    return name in KNOWN or SNAPSHOT.sub("", name) in KNOWN
