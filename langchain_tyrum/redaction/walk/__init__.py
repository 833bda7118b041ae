"""The walk: every string in an object, copied on write, at any depth."""

from langchain_tyrum.redaction.walk.machine import Mode, Step, Visitor, walk

__all__ = ["Mode", "Step", "Visitor", "walk"]
