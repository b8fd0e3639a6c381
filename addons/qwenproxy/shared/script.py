"""Programs that Redis runs as one step (Lua), so that nobody sees a half of it."""

from hashlib import sha1


class Script:
    """A program; its arguments are in ARGV, keys too: a Redis cluster is not meant."""

    def __init__(self, *parts: str) -> None:
        self.text = "\n".join(parts)
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()
