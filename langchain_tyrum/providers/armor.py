"""Values as text, for places that hold nothing else."""

from __future__ import annotations

import base64

#: Marks of values that a place for text cannot hold as they are.
_BYTES, _TEXT = "tyrum-bytes:", "tyrum-text:"


def to_text(value: str | bytes) -> str:
    """Spell a value as text; text that looks like one of ours is marked too."""
    if isinstance(value, bytes):
        return _BYTES + base64.b64encode(value).decode("ascii")
    return _TEXT + value if value.startswith((_BYTES, _TEXT)) else value


def from_text(text: str) -> str | bytes:
    """Return the value that `to_text` spelled, or the text that others wrote."""
    if text.startswith(_BYTES):
        return base64.b64decode(text.removeprefix(_BYTES))
    return text.removeprefix(_TEXT)
