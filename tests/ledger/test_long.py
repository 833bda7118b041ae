"""Long chains; run by the second test command."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.ledger.audit import Event
from langchain_tyrum.policy import SecretPolicy


@pytest.mark.slow
class TestLong:
    def test_many_rows_verify_with_progress(self, tmp_path):
        """Ten thousand rows, written by several processes, verify as one chain."""
        path = tmp_path / "tyrum.db"
        broker = SecretBroker.local(path)
        code = (
            "import sys\n"
            "from langchain_tyrum.broker import SecretBroker\n"
            "broker = SecretBroker.local(sys.argv[1])\n"
            "for _ in range(2500): broker.record('note', 'ok')\n"
        )
        running = [
            subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in "abcd"
        ]
        assert [0] * 4 == [process.wait() for process in running]
        seen = []

        report = broker.audit.verify(progress=seen.append)

        assert (True, 10_000) == (report.ok, report.rows)
        assert list(range(1_000, 10_001, 1_000)) == seen

    def test_leases_go_on_while_a_hundred_thousand_rows_verify(self, tmp_path):
        """A long verification holds up no lease, and its memory stays flat."""
        path = tmp_path / "tyrum.db"
        broker = SecretBroker.local(path, policy=SecretPolicy(allow=["*"]))
        broker.put("k", "some-value-0123")
        with broker.catalog.transaction() as connection:
            for _ in range(99_999):
                event = Event(action="note", outcome="ok")
                last = broker.audit.append(connection, event)
        broker.audit.publish(last)
        seen, over = [], threading.Event()
        leased = []

        def lease():
            while not over.is_set():
                with broker.lease("k", tool_id="t") as value:
                    leased.append((value.reveal(), len(seen)))

        thread = threading.Thread(target=lease)
        thread.start()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report = broker.audit.verify(progress=seen.append)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        over.set()
        thread.join()

        assert report.ok
        assert report.rows >= 100_000
        assert list(range(1_000, 100_001, 1_000)) == seen[:100]
        during = {progress for value, progress in leased if value == "some-value-0123"}
        assert len(during & set(range(1, 100))) > 1
        assert grown < 20 * 1024  # KiB; all rows at once would be some 150 MiB
        assert broker.audit.verify().ok
