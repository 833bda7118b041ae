"""What savers store past their serializer: config metadata and configurable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.ids import LONGEST, is_made_up
from langchain_tyrum.redaction.made import pack
from langchain_tyrum.state.acting import RUN_KEY
from langchain_tyrum.state.guard import Guard, refuse_each
from langchain_tyrum.state.texts import short_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from langchain_tyrum.state.texts import CleanTexts

#: They key rows, so they are refused and never rewritten.
IDS = {
    key: f"the {key}"
    for key in ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")
}
#: The parts of a config that savers store; the last two are a list and a text.
ROWS = "configurable"
_STORED = (ROWS, "metadata", "tags", "run_name")
#: The other metadata, which comes with the checkpoint, and is stored as it is.
_WHOLE = "checkpoint metadata"
_HIDDEN = "__"
#: What is in each configurable; savers store nothing of it.
_RIDING = frozenset({*IDS, RUN_KEY, "__pregel_runtime"})
_STEP = "step"
_NUMBERS = (int, float)
_NONE = type(None)
_PLAIN = (str, bytes, bytearray, int, float, dict, list, tuple, set, frozenset, _NONE)
_EMPTY = frozenset({dict, list, tuple, _NONE})
#: Counters that are written with less characters than any value has.
_SHORT = range(-9, 100)
_TOO_LONG = 10**LONGEST


def refuse_ids(
    guard: Guard, known: CleanTexts, found: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    """Refuse ids that are, or hold, a value.

    Ids of checkpoints are new each time, and UUIDs: of those only values are told.

    Args:
        guard: Knows the values.
        known: What the guard found clean before.
        found: Has the ids.
        names: Their keys, and what they are.

    Raises:
        RawSecretFound: One does; it is named, the value is not.
    """
    for key, what in names.items():
        each = found.get(key)
        if not each or (type(each) is str and each in known.texts):
            continue
        if (
            type(each) is str
            and is_made_up(each)
            and (known.ids_pass or not guard.holds(each.encode(), "identifiers"))
        ):
            known.texts.add(each)
        else:
            refuse_each(guard, [(what, each)])


def clean_config(guard: Guard, config: Any, known: CleanTexts) -> Any:
    """Return a config that a saver may store; the same object when it is clean.

    Savers copy the scalars of `configurable` and `metadata` into a JSON column,
    whatever the keys are called.

    Args:
        guard: Knows the values.
        config: The config.
        known: What the guard found clean before.

    Raises:
        RawSecretFound: The thread id, namespace or checkpoint id holds a value.
    """
    refuse_ids(guard, known, config.get(ROWS) or {}, IDS)
    changed = {}
    for part in _STORED:
        found = config.get(part)
        if found and _known_by(guard, known, part, found) not in known.texts:
            cleaned = _clean_part(guard, known, part, found)
            if cleaned is not found:
                changed[part] = cleaned
    return {**config, **changed} if changed else config


def clean_metadata(guard: Guard, metadata: Any, known: CleanTexts) -> Any:
    """Return checkpoint metadata without values; the same object when clean."""
    if _known_by(guard, known, _WHOLE, metadata) in known.texts:
        return metadata
    return _clean_part(guard, known, _WHOLE, metadata)


def _known_by(guard: Guard, known: CleanTexts, part: str, found: Any) -> Hashable:
    """Return what something is known by; None when it must be looked at each time.

    By all that is in it: the same object may have been edited in place, and a value
    may be known for a password by its key.
    """
    if part == ROWS and _RIDING.issuperset(found):
        return ()
    if type(found) is not dict:
        return _pair(guard, known, part, found)
    pairs: list[Hashable] = []
    for key, value in found.items():
        kind = type(value)
        if type(key) is not str:
            return None
        if key in IDS and (part == ROWS or (kind is str and value in known.texts)):
            continue
        if key[:2] == _HIDDEN and part != _WHOLE:
            continue
        if kind is str:
            pairs.append((key, short_of(value)))
        elif value in _SHORT if kind is int else kind in _EMPTY and not value:
            pairs.append((key, kind))
        elif isinstance(value, _PLAIN):
            if (pair := _pair(guard, known, key, value)) is None:
                return None
            pairs.append(pair)
    return tuple(pairs)


def _pair(guard: Guard, known: CleanTexts, key: str, value: Any) -> Hashable:
    """Return what an entry is known by: its bytes tell a number from its digits."""
    if type(value) is int and key == _STEP and _is_step(guard, known, value):
        return key, int
    try:
        return key, short_of(pack(value))
    except TypeError:
        return None


def _is_step(guard: Guard, known: CleanTexts, step: int) -> bool:
    """Tell of the step a graph is at that it is no value: it is new each time."""
    if known.ids_pass and 0 < step < _TOO_LONG:
        return True
    return not guard.holds(str(step).encode(), "a step")


def _clean_part(guard: Guard, known: CleanTexts, part: str, found: Any) -> Any:
    key = _known_by(guard, known, part, found)
    what = part if part == _WHOLE else f"config[{part!r}]"
    if isinstance(found, dict):
        cleaned = _clean_mapping(guard, part, found, what)
    else:
        cleaned = guard.clean(found, what)
    is_clean = cleaned is found and key is not None
    # somebody may have edited it while it was looked at
    if is_clean and key == _known_by(guard, known, part, found):
        known.texts.add(key)
    return cleaned


def _clean_mapping(guard: Guard, part: str, mapping: dict[Any, Any], what: str) -> Any:
    plain = {k: v for k, v in mapping.items() if not _is_framework(part, k, v)}
    cleaned = guard.clean(_clean_numbers(guard, plain, what), what)
    if cleaned is plain:
        return mapping
    return {k: v for k, v in mapping.items() if k not in plain} | cleaned


def _is_framework(part: str, key: Any, value: Any) -> bool:
    """Runtime objects ride in the configurable; savers do not store those."""
    if isinstance(key, str) and key.startswith(_HIDDEN) and part != _WHOLE:
        return True
    return (part == ROWS and key in IDS) or not isinstance(value, _PLAIN)


def _clean_numbers(guard: Guard, mapping: dict[str, Any], what: str) -> dict[str, Any]:
    """Savers write metadata as JSON, where a number stands in digits."""
    digits = {key: str(v).encode() for key, v in mapping.items() if type(v) in _NUMBERS}
    if not digits or not guard.holds(b"\n".join(digits.values()), what):
        return mapping
    raw = {key for key, text in digits.items() if guard.holds(text, what)}
    return {key: guard.seal(v) if key in raw else v for key, v in mapping.items()}
