from __future__ import annotations

import pytest

from langchain_tyrum.redaction import Redactor

VALUE = "Zq7-canary_Value.93x/K+w"


@pytest.fixture
def value() -> str:
    return VALUE


@pytest.fixture
def redactor() -> Redactor:
    made = Redactor()
    made.register("vault/canary", VALUE)
    return made
