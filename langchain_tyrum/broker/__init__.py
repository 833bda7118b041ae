"""The only door from handle to value."""

from langchain_tyrum.broker.broker import SecretBroker
from langchain_tyrum.broker.identity import (
    CallIdentity,
    IdentitySource,
    from_configurable,
)
from langchain_tyrum.broker.rekeying import RotationReport
from langchain_tyrum.broker.values.arming import Problem
from langchain_tyrum.ledger.grants import Grant
from langchain_tyrum.ledger.reservations import Unfinished
from langchain_tyrum.policy import Decision

__all__ = [
    "CallIdentity",
    "Decision",
    "Grant",
    "IdentitySource",
    "Problem",
    "RotationReport",
    "SecretBroker",
    "Unfinished",
    "from_configurable",
]
