"""What a run may say: every field redacted, its place in the tree kept.

Each field is serialized once, the way langsmith does it, and the bytes are
scanned; only a hit is decoded, walked and written again. The bytes that were
scanned are the bytes that are sent.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_tyrum.traces import compat, scan
from langchain_tyrum.traces.pieces import pieces_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.redaction import Redactor

logger = logging.getLogger(__name__)

WITHHELD = scan.WITHHELD

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ID = re.compile(_UUID)
_DOTTED = re.compile(rf"\d{{8}}T\d{{6,12}}Z{_UUID}(?:\.\d{{8}}T\d{{6,12}}Z{_UUID})*")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?")
_MAPPINGS = frozenset({"inputs", "outputs", "extra", "serialized"})


def clean_run(
    run: Mapping[str, Any], redactor: Redactor, *, fragments: bool
) -> dict[str, Any]:
    """Return the run with everything redacted but its place in the tree.

    A field that cannot be redacted is replaced by a marker: the run arrives, its
    payload does not.

    Args:
        run: The fields of a run, as langsmith is about to send them.
        redactor: What to redact with.
        fragments: Hand large fields on as JSON that needs no second serialization.
    """
    clean: dict[str, Any] = {}
    text = pieces_of(redactor).text
    for name, value in run.items():
        try:
            key = name if name in _KNOWN else text(name)
            clean[key] = _field(name, value, redactor, fragments=fragments)
        except Exception:
            logger.warning("a trace field was withheld: it could not be redacted")
            clean[name if name in _KNOWN else WITHHELD] = _withheld(name)
    return clean


def clean_value(value: Any, redactor: Redactor) -> Any:
    """Return a payload as redacted JSON data; a marker if that fails."""
    try:
        return json.loads(clean_json(_dumps(value, redactor), redactor))
    except Exception:
        return {"withheld": WITHHELD}


def clean_json(data: bytes, redactor: Redactor) -> bytes:
    """Return JSON bytes with every value and shape redacted; the same if clean."""
    return scan.clean_json(data, redactor, lambda obj: _dumps(obj, redactor))


def _field(name: str, value: Any, redactor: Redactor, *, fragments: bool) -> Any:
    if name in compat.TREE_FIELDS and _well_formed(value):
        return value
    if isinstance(value, datetime) or (name in _TIMES and _is_time(value)):
        return value
    if name == "events" and _bare(value):
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return redactor.redact(value)
    if isinstance(value, str):
        return pieces_of(redactor).text(value)
    if type(value) in (dict, list) and not value:
        return value
    if name == "attachments":
        return _attachments(value, redactor)
    if name == "address":
        return redactor.redact(value)
    data = clean_json(_dumps(value, redactor), redactor)
    if isinstance(value, dict) and data[:1] != b"{":
        return _withheld(name)
    return compat.written(data) if fragments and name in _MAPPINGS else json.loads(data)


def _dumps(value: Any, redactor: Redactor) -> bytes:
    return compat.dumps(value, on_bytes=redactor.redact_bytes, on_odd=redactor.redact)


def _well_formed(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_ID.fullmatch(value) or _DOTTED.fullmatch(value))
    if isinstance(value, list | tuple):
        return all(_well_formed(item) for item in value)
    return value is None or isinstance(value, UUID)


def _is_time(value: Any) -> bool:
    if isinstance(value, str):
        return _TIME.fullmatch(value) is not None
    return isinstance(value, datetime)


def _bare(events: Any) -> bool:
    """Tell whether events say no more than when a run started and ended."""
    return isinstance(events, list) and all(
        type(event) is dict
        and event.keys() == {"name", "time"}
        and event["name"] in ("start", "end")
        and _is_time(event["time"])
        for event in events
    )


def _attachments(value: Any, redactor: Redactor) -> dict[str, Any]:
    return {
        redactor.redact_text(str(name)): _attachment(each, redactor)
        for name, each in dict(value).items()
    }


def _attachment(each: Any, redactor: Redactor) -> tuple[str, bytes]:
    kind, data = ("application/octet-stream", each) if isinstance(each, bytes) else each
    # A file is read here: what langsmith would open later has not been looked at.
    raw = data if isinstance(data, bytes) else Path(data).read_bytes()
    return redactor.redact_text(str(kind)), redactor.redact_bytes(raw)


def _withheld(name: str) -> Any:
    if name in compat.TREE_FIELDS or name == "attachments":
        return None
    if name in _MAPPINGS:
        return {"withheld": WITHHELD}
    if name == "events":
        return []
    return [WITHHELD] if name == "tags" else WITHHELD


_TIMES = frozenset({"start_time", "end_time"})
_KNOWN = frozenset(
    {
        *(*compat.TREE_FIELDS, *_MAPPINGS, "events", "attachments", "tags", "name"),
        *("error", "session_name", "run_type", "start_time", "end_time"),
    }
)
