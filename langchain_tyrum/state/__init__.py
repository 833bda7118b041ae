"""Durable state: checkpoints, pending writes, stores, caches and state keys.

Each guard takes a `Redactor` and returns a copy of what it guards; the given object
stays as it is. `guard_checkpointer` covers what savers store past their serializer,
`GuardedSerializer` what they store through it, `guarded` one key of the state.
`scan_checkpoints` finds and repairs what was stored before.
"""

from langchain_tyrum.state.acting import acting
from langchain_tyrum.state.cache import guard_cache
from langchain_tyrum.state.channels import bind_channels, guarded, guarded_messages
from langchain_tyrum.state.checkpoints import guard_checkpointer
from langchain_tyrum.state.guard import is_guarded
from langchain_tyrum.state.scanning import ScanFinding, ScanReport, scan_checkpoints
from langchain_tyrum.state.serde import GuardedSerializer, guard_serde
from langchain_tyrum.state.store import guard_store

__all__ = [
    "GuardedSerializer",
    "ScanFinding",
    "ScanReport",
    "acting",
    "bind_channels",
    "guard_cache",
    "guard_checkpointer",
    "guard_serde",
    "guard_store",
    "guarded",
    "guarded_messages",
    "is_guarded",
    "scan_checkpoints",
]
