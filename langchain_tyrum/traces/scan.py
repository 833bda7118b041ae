"""Looking for values in JSON bytes, and reading it only where there is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_tyrum.traces.pieces import pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction import Redactor

#: Stands for a payload that could not be redacted.
WITHHELD = "[WITHHELD: redaction failed]"


def clean_json(data: bytes, redactor: Redactor, dumps: Callable[[Any], bytes]) -> bytes:
    """Return JSON bytes with every value and shape redacted; the same if clean.

    All of it is withheld when a value still stands in it after that.

    Args:
        data: What is to be sent.
        redactor: What to redact with.
        dumps: Writes what was redacted.
    """
    if pieces_of(redactor).is_clean(data):
        return data
    obj = json.loads(data)
    clean = redactor.redact(obj)
    sent = data if clean is obj else dumps(clean)
    # A value that only shows in the bytes, such as one that ends in a number.
    return json.dumps(WITHHELD).encode() if redactor.contains(sent) else sent
