"""Detectors: what credentials look like, as rows of data."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.generic import GENERIC
from langchain_tyrum.redaction.detectors.rows import Detector, spell
from langchain_tyrum.redaction.detectors.vendors import VENDORS

__all__ = ["DETECTORS", "Detector", "spell"]

#: The built-in rows. A redactor takes others: `Redactor(detectors=[*DETECTORS, …])`.
DETECTORS: tuple[Detector, ...] = (*VENDORS, *GENERIC)
