"""qwenproxy: an app that speaks to OpenAI, unmodified, gets its answers from Qwen."""

__version__ = "0.1.0"
