"""Shapes: credentials that nobody registered, found by what they look like."""

from langchain_tyrum.redaction.shapes.matcher import Shapes, compiled
from langchain_tyrum.redaction.shapes.rows import Row

__all__ = ["Row", "Shapes", "compiled"]
