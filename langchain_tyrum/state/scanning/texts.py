"""Looks into stored JSON, also into what parsing it drops, and into what is none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.findings import REGISTERED, Finding

if TYPE_CHECKING:
    from langchain_tyrum.state.scanning.examine import Examiner
    from langchain_tyrum.state.scanning.report import ScanFinding

#: Nothing can be told of what stands there.
UNREADABLE = Finding("", "", "unreadable", "", 0, 0)
#: A registered value stands in the bytes, where no walk reaches it.
WHOLE = Finding("", "", REGISTERED, "serialized", 0, 0)


def look_at_json(
    examiner: Examiner,
    place: ScanFinding,
    raw: bytes,
    *,
    whole: bool = False,
    line: bool = False,
) -> bytes | None:
    """Look into JSON, which may be broken.

    Of two equal keys a parser keeps the last; the first one stays in the text, so
    that is looked at too.

    Args:
        examiner: Notes what is found.
        place: Where it stands.
        raw: The text.
        whole: It is a checkpoint, whose names are not rewritten.
        line: It is a line of a file, in which text is as good as JSON.

    Returns:
        What is to be written instead, or None.
    """
    try:
        return _look(examiner, place, raw, whole=whole, line=line)
    except Exception:  # noqa: S110 - what cannot be read is reported, not shown
        pass
    examiner.note(place, [UNREADABLE], repaired=False)
    return None


def _look(
    examiner: Examiner, place: ScanFinding, raw: bytes, *, whole: bool, line: bool
) -> bytes | None:
    parsed = _parsed(raw)
    if parsed is None:
        return _as_text(examiner, place, raw, line=line)
    obj, lost = parsed
    before = examiner.found
    cleaned = (examiner.checkpoint if whole else examiner.value)(place, obj)
    new = None if cleaned is None else _written(cleaned)
    hidden = examiner.scan(lost) if lost else []
    shown = examiner.found != before
    if not hidden and (new is not None or not shown):
        hidden = [WHOLE] if examiner.holds(raw if new is None else new) else []
    if not hidden:
        return new
    if examiner.repair and not whole and not _is_clean(examiner, new):
        tries = (_redacted(examiner, raw), new, _written(obj))
        new = next((each for each in tries if _is_clean(examiner, each)), new)
    examiner.note(place, hidden, repaired=_is_clean(examiner, new))
    return new


def _as_text(
    examiner: Examiner, place: ScanFinding, raw: bytes, *, line: bool
) -> bytes | None:
    """Look into what is no JSON, or too deep for it."""
    if _is_deep(raw):
        examiner.note(place, [UNREADABLE], repaired=False)
    found = _in_text(examiner, raw)
    if not found:
        return None
    new = _redacted(examiner, raw) if examiner.repair else None
    if new is not None and _in_text(examiner, new):
        new = None
    shown = found if line else [replace(each, rule=UNREADABLE.rule) for each in found]
    examiner.note(place, shown, repaired=new is not None)
    return new


def _in_text(examiner: Examiner, raw: bytes) -> list[Finding]:
    text = _text(raw)
    found = examiner.scan(raw if text is None else text)
    return found or ([WHOLE] if examiner.holds(raw) else [])


def _is_clean(examiner: Examiner, raw: bytes | None) -> bool:
    """Whether it is JSON, and no value is in it."""
    if raw is None or examiner.holds(raw):
        return False
    parsed = _parsed(raw)
    return parsed is not None and not examiner.scan(parsed)


def _redacted(examiner: Examiner, raw: bytes) -> bytes | None:
    text = _text(raw)
    cleaned = examiner.cleaned(raw if text is None else text)
    return cleaned.encode() if isinstance(cleaned, str) else cleaned


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _parsed(raw: bytes) -> tuple[Any, list[Any]] | None:
    """Return what a parser sees, and what equal keys hide from it; None for no JSON."""
    lost: list[Any] = []

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        kept = dict(pairs)
        if len(kept) < len(pairs):
            lost.extend({key: each} for key, each in pairs if each is not kept[key])
        return kept

    try:
        return json.loads(raw, object_pairs_hook=made), lost
    except (ValueError, RecursionError):
        return None


def _is_deep(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except RecursionError:
        return True
    except ValueError:
        pass
    return False


def _written(obj: Any) -> bytes | None:
    """Write JSON; None when it is too deep."""
    try:
        return json.dumps(obj, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a pair: only its escape can be written
        return json.dumps(obj).encode()
    except (ValueError, TypeError, RecursionError):
        return None
