"""Long chains; run by the second test command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from langchain_tyrum.broker import SecretBroker


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
