"""A credentials file as others write it."""

import json
from pathlib import Path
from typing import Any


class CredentialsFile:
    """The file at *path*, outside of all that is under test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, answer: dict[str, Any], expires_at: float, **more: Any) -> None:
        """Write the login of a token answer, as a program does that does not know of any lock."""
        self.path.parent.mkdir(exist_ok=True)
        found = {name: answer[name] for name in ("access_token", "refresh_token", "token_type")}
        content = found | {"expiry_date": round(expires_at * 1000)} | more
        aside = self.path.with_name("aside")
        aside.write_text(json.dumps(content, indent=2))
        aside.rename(self.path)

    def put_text(self, text: str) -> None:
        self.path.write_text(text)

    def remove(self) -> None:
        self.path.unlink()

    @property
    def exists(self) -> bool:
        return self.path.exists()

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def access(self) -> str:
        """Its access token; "" if there is no file."""
        return self._field("access_token")

    @property
    def refresh(self) -> str:
        return self._field("refresh_token")

    def _field(self, name: str) -> str:
        try:
            return str(self.content[name])
        except FileNotFoundError:  # it may go while others are at work
            return ""

    @property
    def neighbours(self) -> list[str]:
        """What else lies in its folder."""
        return sorted(each.name for each in self.path.parent.iterdir() if each != self.path)

    def take_folder_away(self) -> None:
        """From now on nothing there can be read or written, as on a disk that fails."""
        self.path.parent.rename(self.path.parent.with_name("away"))
        self.path.parent.write_text("not a folder")

    def bring_folder_back(self) -> None:
        self.path.parent.unlink()
        self.path.parent.with_name("away").rename(self.path.parent)
