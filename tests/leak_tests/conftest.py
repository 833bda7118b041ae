"""One trace endpoint and one set of canaries for many rows; starting them costs."""

from __future__ import annotations

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.testing.leaks.canaries import Canaries
from langchain_tyrum.testing.leaks.lab import Lab
from langchain_tyrum.testing.leaks.trying import PATH


@pytest.fixture(scope="module")
def guard():
    """A broker for a whole module: tracing is guarded once for each broker."""
    with SecretBroker.in_memory(policy=SecretPolicy(allow=["*"])) as broker:
        yield broker


@pytest.fixture(scope="module")
def lab(guard):
    """A lab with a canary of every kind, known to the broker."""
    canaries = Canaries(guard.redactor)
    canaries.plant(PATH)
    with Lab(canaries) as lab:
        yield lab


@pytest.fixture(scope="module")
def bare_lab():
    """A lab whose canaries nobody knows."""
    canaries = Canaries(Redactor())
    canaries.plant(PATH)
    with Lab(canaries) as lab:
        yield lab
