"""Catalog, grants and the hash-chained audit trail, in SQL; never a value."""

from langchain_tyrum.ledger.audit import Audit
from langchain_tyrum.ledger.catalog import Catalog
from langchain_tyrum.ledger.grants import Grant
from langchain_tyrum.ledger.keys import KeyRing, MasterKey
from langchain_tyrum.ledger.sinks import JsonlSink, LoggingSink
from langchain_tyrum.ledger.verify import LedgerHead, LedgerProblem, LedgerReport

__all__ = [
    "Audit",
    "Catalog",
    "Grant",
    "JsonlSink",
    "KeyRing",
    "LedgerHead",
    "LedgerProblem",
    "LedgerReport",
    "LoggingSink",
    "MasterKey",
]
