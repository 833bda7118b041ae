"""The demo: what it proves, and that it can fail."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from langchain_tyrum import demo
from langchain_tyrum.demo import evidence, report, story
from langchain_tyrum.demo.services import Calls


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "langchain_tyrum", "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


class TestDemo:
    def test_leaks_nothing_and_is_alive(self, tmp_path):
        """The third column is zero, the first is not, and every run finished."""
        done = run_demo("--keep", str(tmp_path))

        assert (0, "") == (
            done.returncode,
            re.sub(r"running.*\n|\n|the ev.*", "", done.stderr),
        )
        leaks = next(r for r in done.stdout.splitlines() if r.startswith("leaks"))
        bare, langchain, ours = (int(count) for count in leaks.split()[1:])
        assert 0 == ours
        assert bare > langchain > 10
        assert "run finished" + "yes" * 3 == re.sub(
            r"(finished) *|(yes) *",
            r"\1\2",
            re.search("run finished.*", done.stdout)[0],
        )
        assert (tmp_path / "tyrum" / "checkpoints.db").exists()
        assert not (tmp_path / "tyrum" / "settings.json").exists()

    def test_a_refusal_keeps_the_api_untouched(self):
        """With every approval refused, ours calls nothing and still finishes."""
        done = run_demo("--approve", "no")

        assert 0 == done.returncode, done.stderr
        row = next(r for r in done.stdout.splitlines() if r.startswith("API accepted"))
        assert ["0 / 0"] * 3 == re.findall(r"\d / \d", row)


class TestEvidence:
    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "result.json").write_text('{"answer": "ok", "model_calls": 3}')
        return tmp_path

    @pytest.mark.parametrize("form", range(10))
    def test_finds_disguises(self, folder, form):
        """A credential is found raw, in hex, percent-encoded and in base64."""
        value = 'a+b/c d"e-Kestrel-1234'
        shape = list(evidence._forms(value))[form]
        (folder / "debug.log").write_bytes(b"before " + shape + b" after")

        found = evidence.read(folder, {"password": value, "other": "zzzz"}, traces=1)

        assert frozenset({"password"}) == found.leaks["logs at DEBUG"]

    def test_reads_folders(self, folder):
        """The secret store is searched with all its files."""
        (folder / "store" / "keys").mkdir(parents=True)
        (folder / "store" / "keys" / "x").write_text("hunter2-hunter2")

        found = evidence.read(folder, {"password": "hunter2-hunter2"}, traces=0)

        assert 1 == found.total


class TestReport:
    @pytest.fixture
    def outcomes(self):
        good = evidence.Evidence({"logs": frozenset()}, 10, 3, "ok", 3, 1)
        bad = replace(good, leaks={"logs": frozenset({"password"})})
        calls = Calls(accepted=["/login", "/issues"])
        return {
            name: report.Outcome(bad if name == "unprotected" else good, calls, 1.0)
            for name in story.VARIANTS
        }

    def test_all_is_well(self, outcomes):
        """Nothing is complained of when the promise held."""
        assert [] == report.failures(outcomes, approved=True)

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"leaks": {"logs": frozenset({"password"})}}, "leaked password"),
            ({"answer": None}, "did not finish"),
            ({"traces": 0}, "no trace"),
            ({"model_calls": 0}, "no trace arrived or no model"),
            ({"markers": 0}, "no marker"),
        ],
    )
    def test_the_demo_can_fail(self, outcomes, change, complaint):
        """Each broken promise of the third run is a reason to fail."""
        ours = outcomes["tyrum"]
        outcomes["tyrum"] = replace(ours, evidence=replace(ours.evidence, **change))

        assert complaint in " ".join(report.failures(outcomes, approved=True))

    def test_a_dead_run_is_no_proof(self, outcomes):
        """A run whose API was never reached proves nothing."""
        outcomes["tyrum"] = replace(outcomes["tyrum"], calls=Calls())

        assert ["the API did not accept the real credentials"] == report.failures(
            outcomes, approved=True
        )
        assert [] == report.failures(outcomes, approved=False)

    def test_a_blind_reader_is_no_proof(self, outcomes):
        """An unprotected run without leaks means that the reader sees nothing."""
        outcomes["unprotected"] = outcomes["tyrum"]

        assert "blind" in " ".join(report.failures(outcomes, approved=True))


class TestLastWords:
    def test_a_dead_run_says_why(self, tmp_path):
        """The last line of a run's stderr is told, without credentials."""
        credentials = story.Credentials.fresh()
        value = next(iter(credentials.by_name().values()))
        (tmp_path / "stderr.txt").write_text(f"Traceback\nError: no {value} here\n\n")

        said = demo._last_words(tmp_path, credentials)

        assert said.startswith("Error: no [REDACTED:")
        assert value not in said

    def test_silence(self, tmp_path):
        """A run that said nothing has no last words."""
        (tmp_path / "stderr.txt").write_text("")

        assert "" == demo._last_words(tmp_path, story.Credentials.fresh())
