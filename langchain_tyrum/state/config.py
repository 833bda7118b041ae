"""What savers store past their serializer: config metadata and configurable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_tyrum.state.guard import Guard, passes, refuse_each

if TYPE_CHECKING:
    from collections.abc import Mapping

#: They key rows, so they are refused and never rewritten.
_IDS = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBERS = (int, float)
_PLAIN = (str, bytes, bytearray, int, float, dict, list, tuple, set, frozenset)


def refuse_ids(guard: Guard, config: Any) -> None:
    """Refuse a config whose thread id, namespace or checkpoint id holds a value.

    Raises:
        RawSecretFound: One does; it is named, the value is not.
    """
    configurable = (config or {}).get("configurable") or {}
    ids = [found for key in _IDS if (found := configurable.get(key)) is not None]
    if {str}.issuperset(map(type, ids)):
        new = [found for found in ids if not passes(guard, (found,))]
        if not new or _are_uuids(guard, new):
            return
    refuse_each(guard, ((f"the {key}", configurable.get(key)) for key in _IDS))


def _are_uuids(guard: Guard, ids: list[str]) -> bool:
    """Tell whether all are UUIDs and no values: checkpoint ids are new each time."""
    if not all(map(_UUID.fullmatch, ids)):
        return False
    return not guard.holds("\n".join(ids).encode(), "identifiers")


def clean_config(guard: Guard, config: Any) -> Any:
    """Return a config that a saver may store; the same object when it is clean.

    Savers copy the scalars of `configurable` and `metadata` into a JSON column,
    whatever the keys are called.

    Raises:
        RawSecretFound: The thread id, namespace or checkpoint id holds a value.
    """
    refuse_ids(guard, config)
    cleaned: dict[str, Any] = {}
    for part in ("configurable", "metadata"):
        if isinstance(found := config.get(part), dict):
            cleaned[part] = _clean_mapping(guard, found, f"config[{part!r}]")
    for part in ("tags", "run_name"):
        if config.get(part):
            cleaned[part] = guard.clean(config[part], f"config[{part!r}]")
    if all(new is config[part] for part, new in cleaned.items()):
        return config
    return {**config, **cleaned}


def clean_metadata(guard: Guard, metadata: Any) -> Any:
    """Return checkpoint metadata without values; the same object when clean."""
    return _clean_mapping(guard, metadata, "checkpoint metadata")


def _clean_mapping(guard: Guard, mapping: Mapping[str, Any], what: str) -> Any:
    plain = {k: v for k, v in mapping.items() if not _is_framework(k, v)}
    if not plain:
        return mapping
    generation = guard.generation
    # a pair, since a value may be known for a password by its key
    pairs = {(key, str(v)) for key, v in plain.items() if _could_hold(v)}
    unknown = guard.texts.unknown(generation, pairs)
    if not unknown:
        return mapping
    cleaned = guard.clean(_clean_numbers(guard, plain, what), what)
    if cleaned is plain:
        guard.texts.add(generation, unknown)
        return mapping
    return {k: v for k, v in mapping.items() if k not in plain} | cleaned


def _is_framework(key: Any, value: Any) -> bool:
    """Runtime objects ride in the configurable; savers do not store those."""
    if type(key) is str and (key in _IDS or key.startswith("__")):
        return True
    hidden = isinstance(key, str) and key.startswith("__")
    return key in _IDS or hidden or not isinstance(value, _PLAIN)


def _could_hold(value: Any) -> bool:
    """Step counters and the like are shorter than any value may be."""
    return type(value) not in _NUMBERS or len(str(value)) > 2


def _clean_numbers(guard: Guard, mapping: dict[str, Any], what: str) -> dict[str, Any]:
    """Savers write metadata as JSON, where a number stands in digits."""
    digits = {key: str(v).encode() for key, v in mapping.items() if type(v) in _NUMBERS}
    if not digits or not guard.holds(b"\n".join(digits.values()), what):
        return mapping
    raw = {key for key, text in digits.items() if guard.holds(text, what)}
    return {key: guard.seal(v) if key in raw else v for key, v in mapping.items()}
