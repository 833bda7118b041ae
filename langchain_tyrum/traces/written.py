"""Which objects in log records are written field by field, not as their text."""

from __future__ import annotations

import dataclasses

from pydantic import BaseModel

from langchain_tyrum.redaction.walk.voices import voices_of

_CONTAINERS = (dict, list, tuple)


def is_written(kind: type) -> bool:
    """Tell whether formatters write objects of a class field by field.

    Those that write JSON do, of models and dataclasses, and call `to_dict` and its
    like: then the object's text alone says too little of it. A container of somebody
    else's may say more than its items do.
    """
    if dataclasses.is_dataclass(kind) or issubclass(kind, BaseModel):
        return True
    if issubclass(kind, _CONTAINERS):
        return kind not in _CONTAINERS and not hasattr(kind, "_fields")
    voices = voices_of(kind)
    return voices is not None and bool(voices.dumps or voices.tellers or voices.items)
