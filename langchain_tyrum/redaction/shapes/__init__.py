"""Shapes: credentials that nobody registered, found by what they look like."""

from langchain_tyrum.redaction.shapes.matcher import Row, Shapes, compiled

__all__ = ["Row", "Shapes", "compiled"]
