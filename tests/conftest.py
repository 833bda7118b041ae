"""Fixtures that tests of several rooms use."""

from __future__ import annotations

import os
import secrets
import string
from pathlib import Path

import pytest
from hypothesis import settings

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.membrane import tracing
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.traces import install_tracing

# The same examples on every run, so that a change is judged by what it changed; set
# HYPOTHESIS_PROFILE=default to explore.
settings.register_profile("steady", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def _tracing_ends_with_the_module():
    """`protect` guards a process for as long as its broker lives; tests share one."""
    uninstalls = []

    def install(*args, **kwargs):
        uninstalls.append(install_tracing(*args, **kwargs))
        return uninstalls[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracing, "install_tracing", install)
        yield
    for uninstall in reversed(uninstalls):
        uninstall()


@pytest.fixture
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture
def canary():
    """A maker of fresh values that no shape detector knows."""

    def make(label: str = "cnry") -> str:
        alphabet = string.ascii_lowercase + string.digits
        tail = "".join(secrets.choice(alphabet) for _ in range(14))
        return f"{label}{tail}"

    return make


@pytest.fixture
def allow_all() -> SecretPolicy:
    return SecretPolicy(allow=["*"])


@pytest.fixture
def memory_broker(allow_all):
    """A maker of brokers in memory that allow everything."""
    opened = []

    def make(secrets_=None, *, policy=allow_all, **options) -> SecretBroker:
        broker = SecretBroker.in_memory(secrets_, policy=policy, **options)
        opened.append(broker)
        return broker

    yield make
    for broker in opened:
        broker.close()
