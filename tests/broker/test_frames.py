"""An error of a lease keeps no value alive, in no frame of its traceback."""

from __future__ import annotations

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import LedgerError, SecretRevoked
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import MemoryProvider


class Hooked(MemoryProvider):
    """Does something else once it has found the value."""

    def __init__(self, after) -> None:
        super().__init__()
        self.after = after

    def get(self, name, *, version=None):
        value = super().get(name, version=version)
        self.after()
        return value


def held(error, raw) -> list[tuple[str, str]]:
    """Where the frames of an error's traceback hold a value, or what has it."""
    found, step = [], error.__traceback__
    while step:
        if "langchain_tyrum" in step.tb_frame.f_code.co_filename:
            for name, local in step.tb_frame.f_locals.items():
                items = local if isinstance(local, list | tuple) else [local]
                if any(raw in (item, getattr(item, "value", None)) for item in items):
                    found.append((step.tb_frame.f_code.co_name, name))
        step = step.tb_next
    return found


class TestFrames:
    @pytest.mark.parametrize(
        ("meanwhile", "expected"),
        [
            (lambda broker: broker.revoke("k"), SecretRevoked),
            (lambda broker: broker.close(), LedgerError),
        ],
    )
    def test_hold_no_value(self, canary, meanwhile, expected):
        """Whatever happens after the value was read, the error has let go of it."""
        provider, raw = Hooked(lambda: None), canary()
        broker = SecretBroker(
            providers=[provider], catalog="sqlite://", policy=SecretPolicy(allow=["*"])
        )
        broker.put("k", raw)
        provider.after = lambda: meanwhile(broker)

        with pytest.raises(expected) as caught, broker.lease("k", tool_id="t"):
            pass

        assert [] == held(caught.value, raw)
        assert caught.value.__context__ is None
