"""Detectors: what credentials look like, as rows of data."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.assignments import ASSIGNMENTS
from langchain_tyrum.redaction.detectors.calls import CALLS
from langchain_tyrum.redaction.detectors.ci import CI
from langchain_tyrum.redaction.detectors.cloud import CLOUD
from langchain_tyrum.redaction.detectors.code import CODE
from langchain_tyrum.redaction.detectors.commands import COMMANDS
from langchain_tyrum.redaction.detectors.data import DATA
from langchain_tyrum.redaction.detectors.headers import HEADERS
from langchain_tyrum.redaction.detectors.keys import KEYS
from langchain_tyrum.redaction.detectors.messaging import MESSAGING
from langchain_tyrum.redaction.detectors.models import MODELS
from langchain_tyrum.redaction.detectors.payments import PAYMENTS
from langchain_tyrum.redaction.detectors.platforms import PLATFORMS
from langchain_tyrum.redaction.detectors.records import RECORDS
from langchain_tyrum.redaction.detectors.rows import Detector, spell
from langchain_tyrum.redaction.detectors.services import SERVICES
from langchain_tyrum.redaction.detectors.talk import TALK
from langchain_tyrum.redaction.detectors.wrapped import WRAPPED

__all__ = ["DETECTORS", "Detector", "spell"]

_TOKENS = (
    *MODELS,
    *CODE,
    *CI,
    *CLOUD,
    *PLATFORMS,
    *DATA,
    *PAYMENTS,
    *SERVICES,
    *MESSAGING,
)
_SURROUNDINGS = (
    *KEYS,
    *HEADERS,
    *ASSIGNMENTS,
    *TALK,
    *CALLS,
    *RECORDS,
    *COMMANDS,
    *WRAPPED,
)
#: The built-in rows. A redactor takes others: `Redactor(detectors=[*DETECTORS, …])`.
DETECTORS: tuple[Detector, ...] = (*_TOKENS, *_SURROUNDINGS)
