"""The one written form of a policy, and its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Literal, get_args

Outcome = Literal["allow", "require_approval", "deny"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)  # from lax to strict


def canonical_json(value: object) -> str:
    """Write plain data in the one form that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def text_sha256(text: str) -> str:
    """Hash a canonical form."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
