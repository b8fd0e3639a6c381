"""A proxy for one command: what `qwenproxy exec` is made of."""
