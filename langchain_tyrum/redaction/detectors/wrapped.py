"""Assignments inside base64: `REJfUEFTU1dPUkQ9…` is `DB_PASSWORD=…`."""

from __future__ import annotations

import base64

from langchain_tyrum.redaction.detectors.rows import Detector

_NAMES = (
    *("PASSWORD", "Password", "password", "SECRET", "secret", "API_KEY", "api_key"),
    *("apiKey", "API_TOKEN", "ACCESS_TOKEN", "access_token"),
)
_SEPARATORS = ("=", ": ", '":"', '": "', "': '")


def _encoded(text: str, skipped: int) -> str:
    """Return the characters that a text always has `skipped` bytes into base64."""
    data = base64.b64encode(b"\0" * skipped + text.encode() + b"\0\0").decode()
    return data[(0, 2, 3)[skipped] : (skipped + len(text)) * 8 // 6]


_BEGINS = sorted(
    {
        _encoded(name + separator, skipped).replace("+", r"\+")
        for name in _NAMES
        for separator in _SEPARATORS
        for skipped in range(3)
    }
)

WRAPPED: tuple[Detector, ...] = (
    Detector(  # begins behind what stands before the name
        name="base64-assignment",
        kind="password",
        pattern=rf"(?:{'|'.join(_BEGINS)})([A-Za-z0-9+/_-]{{8,16384}}={{0,2}})",
        max_length=16512,
        source="RFC 4648; env files and JSON in Secrets, user data and CI variables",
        positive=(
            base64.b64encode(b"DB_PASSWORD=hunter2-and-more\n").decode(),
            base64.b64encode(b'{"user": "a", "password": "hunter2-x"}').decode(),
            base64.b64encode(b'{"api_key":"0123456789abcdef"}').decode(),
        ),
        negative=(
            base64.b64encode(b"the password is not here").decode(),
            base64.b64encode(b'{"next_token": "0123456789abcdef"}').decode(),
        ),
    ),
)
