"""Entry script: `mitmdump -s addons/qwen.py`.  All else lives in the package beside it."""

from qwenproxy.addon import QwenProxy

addons = [QwenProxy()]
