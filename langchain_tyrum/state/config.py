"""What savers store past their serializer: config metadata and configurable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.ids import is_made_up
from langchain_tyrum.state.guard import Guard, refuse_each

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

#: They key rows, so they are refused and never rewritten.
_IDS = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")
#: The parts of a config that savers store, and those of them that are lists or text.
_STORED = ("configurable", "metadata", "tags", "run_name")
_LISTED = _STORED[2:]
_STEP = "step"
_NUMBERS = (int, float)
_PLAIN = (str, bytes, bytearray, int, float, dict, list, tuple, set, frozenset)


def refuse_ids(guard: Guard, config: Any, known: Container[Any] = ()) -> None:
    """Refuse a config whose thread id, namespace or checkpoint id holds a value.

    Args:
        guard: Knows the values.
        config: The config.
        known: What the guard found clean before.

    Raises:
        RawSecretFound: One does; it is named, the value is not.
    """
    configurable = (config or {}).get("configurable") or {}
    fresh = []
    for key in _IDS:
        found = configurable.get(key)
        if found and (type(found) is not str or found not in known):
            fresh.append((key, found))
    if fresh and not guard.are_beyond([found for _, found in fresh]):
        for key, found in fresh:
            refuse_id(guard, f"the {key}", found)


def refuse_id(guard: Guard, what: str, found: Any) -> None:
    """Refuse one id that is, or holds, a value.

    Ids of checkpoints are new each time, and UUIDs: of those only values are told.

    Raises:
        RawSecretFound: It does.
    """
    if guard.are_beyond([found]):
        return
    generation = guard.generation
    if type(found) is str and is_made_up(found):
        if found in guard.texts.known(generation):
            return
        if not guard.holds(found.encode(), "identifiers"):
            guard.texts.add(generation, {found})
            return
    refuse_each(guard, [(what, found)])


def clean_config(guard: Guard, config: Any, known: set[Any]) -> Any:
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
    refuse_ids(guard, config, known)
    parts = [part for part in _STORED if config.get(part)]
    for part in parts:
        if not _is_known(known, config[part]):
            break
    else:
        return config
    cleaned: dict[str, Any] = {}
    for part in parts:
        what, found = f"config[{part!r}]", config[part]
        if part in _LISTED:
            cleaned[part] = guard.clean(found, what)
        elif isinstance(found, dict):
            cleaned[part] = _clean_mapping(guard, found, what)
    if all(new is config[part] for part, new in cleaned.items()):
        return config
    return {**config, **cleaned}


def clean_metadata(guard: Guard, metadata: Any, known: set[Any]) -> Any:
    """Return checkpoint metadata without values; the same object when clean."""
    if _is_known(known, metadata):
        return metadata
    return _clean_mapping(guard, metadata, "checkpoint metadata")


def _is_known(known: set[Any], mapping: Any) -> bool:
    """Tell whether all pairs of a mapping were there before."""
    if type(mapping) is not dict:
        return False
    for key, value in mapping.items():
        if type(key) is not str:
            return False
        if key in _IDS or key.startswith("__"):
            continue
        if type(value) is str:
            if (key, value) not in known:
                return False
        elif not isinstance(value, _PLAIN):
            continue
        elif _could_hold(value) and (key, str(value)) not in known:
            return False
    return True


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
    if _is_next_step(guard, plain, unknown):
        guard.texts.add(generation, unknown)
        return mapping
    cleaned = guard.clean(_clean_numbers(guard, plain, what), what)
    if cleaned is plain:
        guard.texts.add(generation, unknown)
        return mapping
    return {k: v for k, v in mapping.items() if k not in plain} | cleaned


def _is_next_step(guard: Guard, plain: dict[str, Any], unknown: set[Any]) -> bool:
    """Tell whether only a counter is new: no shape, and looked for as digits."""
    step = plain.get(_STEP)
    if type(step) is not int or unknown != {(_STEP, str(step))}:
        return False
    return not guard.holds(str(step).encode(), "a step")


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
