"""Redaction: live values and the shapes of credentials, replaced by markers."""

from langchain_tyrum.redaction.detectors import DETECTORS, Detector
from langchain_tyrum.redaction.findings import Finding
from langchain_tyrum.redaction.markers import MARKER, contains_marker, marker
from langchain_tyrum.redaction.redactor import Redactor
from langchain_tyrum.redaction.stream import RedactionStream

__all__ = [
    "DETECTORS",
    "MARKER",
    "Detector",
    "Finding",
    "RedactionStream",
    "Redactor",
    "contains_marker",
    "marker",
]
