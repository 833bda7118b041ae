"""Which bytes are scanned again: never fewer than those that could hold a match."""

from __future__ import annotations

import random

import pytest

from langchain_tyrum.state.blocks import Blocks
from langchain_tyrum.state.serde import GuardedSerializer

BLOCK = 64 * 1024


@pytest.fixture
def old():
    return random.Random(1).randbytes(20 * BLOCK + 777)


@pytest.fixture
def blocks(old):
    made = Blocks()
    made.keep(made.fresh(old, 1)[1], 1)
    return made


class TestFresh:
    """`Blocks.fresh`."""

    def test_unknown(self, old):
        """Bytes that are like nothing known are scanned whole."""
        assert [old] == Blocks().fresh(old, 1)[0]

    def test_small(self):
        """Small runs are scanned whole and not kept."""
        made = Blocks()
        parts, marks = made.fresh(b"x" * 1000, 1)
        made.keep(marks, 1)

        assert [b"x" * 1000] == parts
        assert "Blocks(0 runs)" == repr(made)

    def test_appended(self, blocks, old):
        """Of a run that was appended to, only the end is scanned."""
        parts, _ = blocks.fresh(old + b"needle", 1)

        assert any(b"needle" in part for part in parts)
        assert sum(map(len, parts)) < 4 * BLOCK

    def test_changed_head(self, blocks, old):
        """A changed head and a changed end are both scanned, the middle is not."""
        parts, _ = blocks.fresh(b"needle" + old[6:] + b"nail", 1)

        assert b"needle" in parts[0]
        assert b"nail" in parts[-1]
        assert sum(map(len, parts)) < 8 * BLOCK

    def test_more_values(self, blocks, old):
        """When one more value is known, everything is scanned again."""
        assert [old] == blocks.fresh(old, 2)[0]

    @pytest.mark.parametrize("at", [1, BLOCK - 3, BLOCK, 7 * BLOCK - 1, 20 * BLOCK])
    def test_across_a_seam(self, blocks, old, at):
        """What begins in an old block and ends in a new one is in one part."""
        new = bytearray(old)
        new[at : at + 6] = b"needle"
        around = bytes(new[max(0, at - 1000) : at + 1006])

        parts, _ = blocks.fresh(bytes(new), 1)

        assert any(around in part for part in parts)

    def test_shorter(self, blocks, old):
        """A run that was cut is scanned where it ends."""
        cut = old[: 9 * BLOCK + 5]

        parts, _ = blocks.fresh(cut, 1)

        assert any(part.endswith(cut[-5:]) for part in parts)


class TestInTheSerializer:
    """The serializer uses it."""

    def test_value_in_a_large_state(self, redactor, canary, leaks):
        """A value anywhere in a large state that was clean before is found."""
        serde = GuardedSerializer(redactor)
        chunks = [random.Random(n).randbytes(3000).hex() for n in range(200)]
        clean = {"id": 1, "chunks": chunks}
        _, before = serde.dumps_typed(clean)
        assert len(before) > 10 * BLOCK

        for index in (0, 57, 120, 199):
            dirty = [*chunks]
            dirty[index] = f"{dirty[index]} {canary}"
            _, data = serde.dumps_typed({"id": 2, "chunks": dirty})
            assert [] == leaks(data)
            assert b"[REDACTED:vault/canary]" in data

    def test_value_registered_later(self, redactor, leaks):
        """A value that is registered after a clean write is found at the next."""
        serde = GuardedSerializer(redactor)
        late = "late owl 91 harbour"
        state = [late, *("filler " * 500 + str(n) for n in range(200))]
        assert leaks(serde.dumps_typed(state)[1], late)

        redactor.register("late", late)

        assert [] == leaks(serde.dumps_typed(state)[1], late)

    def test_less_is_scanned(self, redactor, monkeypatch):
        """The second of two like states costs a part of the first."""
        scanned = []
        contains = redactor.contains
        monkeypatch.setattr(
            redactor, "contains", lambda d: scanned.append(len(d)) or contains(d)
        )
        serde = GuardedSerializer(redactor)
        state = [random.Random(n).randbytes(3000).hex() for n in range(400)]

        serde.dumps_typed(state)
        first = sum(scanned)
        serde.dumps_typed([*state, "one more"])

        assert sum(scanned) - first < first / 3
