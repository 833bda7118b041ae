"""Closing, expiry, purging and arming: the edges of a secret's life."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError, LedgerError, SecretExpired
from langchain_tyrum.policy import SecretPolicy

ALLOW = SecretPolicy(allow=["*"])


@pytest.fixture(params=["file", "memory"])
def broker(request, tmp_path, canary):
    if request.param == "file":
        broker = SecretBroker.local(tmp_path / "t.db", policy=ALLOW)
    else:
        broker = SecretBroker.in_memory(policy=ALLOW)
    broker.raw = canary()
    broker.put("k/1", broker.raw)
    yield broker
    broker.close()


def value_of(broker) -> str:
    with broker.lease("k/1", tool_id="t") as value:
        return value.reveal()


class TestClose:
    async def test_is_for_good(self, broker, canary):
        """What comes after is a clear error, not a database opened again in silence."""
        broker.close()
        await broker.aclose()

        for act in (
            lambda: value_of(broker),
            lambda: broker.put("k/2", canary()),
            lambda: broker.describe("k/1"),
            broker.unfinished,
        ):
            with pytest.raises(LedgerError, match="was closed"):
                act()
        with pytest.raises(LedgerError, match="was closed"):
            async with broker.alease("k/1", tool_id="t"):
                pass

    def test_open_leases_live_on(self, broker):
        """A value in use stays usable to the end of its block, and covered after it."""
        with broker.lease("k/1", tool_id="t") as value:
            broker.close()
            assert broker.raw == value.reveal()

        assert 0 == len(broker._leases)
        assert "[REDACTED:k/1]" == broker.redactor.redact_text(broker.raw)


class TestExpiry:
    @pytest.mark.parametrize("until", [datetime(2030, 1, 1), "2030-01-01"])  # noqa: DTZ001
    def test_needs_a_time_zone(self, broker, canary, until):
        """A moment that would be another one elsewhere is refused, with the mend."""
        with pytest.raises(ConfigError, match="tzinfo=UTC"):
            broker.put("k/2", canary(), expires_at=until)

        assert ["k/1"] == [record.name for record in broker.records()]

    def test_is_kept_in_utc(self, broker, canary):
        """Whatever zone it is given in, it is the same moment."""
        there = datetime(2130, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
        broker.put("k/2", canary(), expires_at=there)

        kept = broker.describe("k/2").expires_at
        assert (there, timedelta(0)) == (kept, kept.utcoffset())

    def test_falls_between_two_leases(self, broker):
        """It holds up to its moment and not from then on; a later one renews it."""
        now = broker.catalog.clock()
        until = now + timedelta(hours=1)
        broker.put("k/1", broker.raw, expires_at=until, replace=True)
        broker.catalog.clock = lambda: until - timedelta(microseconds=1)
        assert broker.raw == value_of(broker)

        broker.catalog.clock = lambda: until
        with pytest.raises(SecretExpired, match="replace=True"):
            value_of(broker)

        later = until + timedelta(hours=1)
        broker.put("k/1", broker.raw, expires_at=later, replace=True)
        assert broker.raw == value_of(broker)
        assert (1, later) == (
            broker.describe("k/1").version,
            broker.describe("k/1").expires_at,
        )

    def test_the_mend_works_with_a_fresh_value(self, broker, canary):
        """Another value with a later expiry brings an expired secret back."""
        past = datetime(2020, 1, 1, tzinfo=UTC)
        broker.put("k/1", broker.raw, expires_at=past, replace=True)
        fresh = canary()
        later = broker.catalog.clock() + timedelta(days=1)

        broker.put("k/1", fresh, expires_at=later, replace=True)

        assert (fresh, 2) == (value_of(broker), broker.describe("k/1").version)


class TestPurge:
    def test_a_value_in_use_stays_covered(self, broker, canary):
        """Purging under an open lease of the old version does not uncover its value."""
        with broker.lease("k/1", tool_id="t"):
            broker.rotate("k/1", canary())
            assert 1 == broker.purge("k/1")
            shown = broker.redactor.redact_text(broker.raw)

        assert "[REDACTED:k/1]" == shown

    def test_a_value_that_came_back_stays_covered(self, broker, canary):
        """An old version whose value is the present one is not uncovered with it."""
        broker.rotate("k/1", canary())
        broker.rotate("k/1", broker.raw)

        assert 2 == broker.purge("k/1")

        assert "[REDACTED:k/1]" == broker.redactor.redact_text(broker.raw)


class TestOtherProcesses:
    def test_a_guard_follows_them(self, tmp_path, canary):
        """What another process puts, rotates and purges is covered at the next look."""
        path = tmp_path / "t.db"
        mine = SecretBroker.local(path, policy=ALLOW)
        old, new, more = canary(), canary(), canary()
        mine.put("k/1", old)
        _ = mine.redactor
        code = (
            "import sys\n"
            "from langchain_tyrum.broker import SecretBroker\n"
            "path, what, *values = sys.argv[1:]\n"
            "with SecretBroker.local(path) as broker:\n"
            "    if what == 'rotate':\n"
            "        broker.rotate('k/1', values[0])\n"
            "        broker.put('k/2', values[1])\n"
            "    else:\n"
            "        assert broker.purge('k/1') == 1\n"
        )

        def elsewhere(*argv):
            child = [sys.executable, "-c", code, str(path), *argv]
            assert 0 == subprocess.run(child, timeout=60, check=False).returncode

        with mine.lease("k/1", tool_id="t") as value:
            elsewhere("rotate", new, more)
            assert old == value.reveal()
            shown = mine.redactor.redact_text(f"{old} {new} {more}")
        assert "[REDACTED:k/1] [REDACTED:k/1] [REDACTED:k/2]" == shown

        elsewhere("purge")

        shown = mine.redactor.redact_text(f"{old} {new}")
        assert "[REDACTED:k/1] [REDACTED:k/1]" == shown
        assert new == value_of(mine)
        mine.close()
