"""The story that all three runs tell: the same input, the same work."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

#: The three runs, in the order of the table's columns.
VARIANTS = ("unprotected", "langchain", "tyrum")

_LETTERS = string.ascii_letters + string.digits


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


@dataclass(frozen=True)
class Credentials:
    """The four credentials that must not be seen; fresh for every demo.

    Attributes:
        tracker_token: Of a shape that every scanner knows.
        deploy_key: Of no shape at all.
        password: What the user types into the chat.
        session: What the application passes along in the run's config.
    """

    tracker_token: str
    deploy_key: str
    password: str
    session: str

    @classmethod
    def fresh(cls) -> Self:
        """Make up four credentials."""
        return cls(
            tracker_token=f"ghp_{_letters(36)}",
            deploy_key=f"{_letters(9)}-{_letters(9)}",
            password=f"Kestrel{secrets.randbelow(9000) + 1000}{_letters(6)}",
            session=f"{_letters(22)}",
        )

    def __repr__(self) -> str:
        return "Credentials(4 values)"

    def by_name(self) -> dict[str, str]:
        """The values under the names that the table shows."""
        return asdict(self)


@dataclass(frozen=True)
class Settings:
    """What one run needs to know. It travels in a file that the run deletes."""

    variant: str
    credentials: Credentials
    folder: str
    tracker_url: str
    sink_url: str
    model: str | None
    approve: str

    def write(self) -> Path:
        """Leave it for the run, readable by this user alone."""
        path = Path(self.folder) / "settings.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    @classmethod
    def take(cls, path: Path) -> Self:
        """Read it and delete the file."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        return cls(**fields | {"credentials": Credentials(**fields["credentials"])})

    def __repr__(self) -> str:
        return f"Settings({self.variant!r})"


def user_message(credentials: Credentials) -> str:
    """What the user types, in every run."""
    return (
        "Please open the issue 'Payment page is down' in the tracker and log me in to "
        f"the status page, then deploy to staging. My password is "
        f"'{credentials.password}'."
    )


SYSTEM_PROMPT = (
    "You run errands for an engineer. Call `open_issue` and `login` together first, "
    "then `deploy`, then report what the tools said."
)
