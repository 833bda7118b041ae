"""The redactor against long random input; run by the second test command."""

from __future__ import annotations

import base64
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_tyrum.errors import WeakSecret
from langchain_tyrum.redaction import Redactor

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
RUNS = 1_500

MANY = settings(
    max_examples=1_500,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
VALUES = st.text(min_size=12, max_size=40)
FORMS = [
    str,
    lambda value: json.dumps(value)[1:-1],
    lambda value: quote(value, safe=""),
    lambda value: value.encode("utf-8", "surrogatepass").hex(),
    lambda value: base64.b64encode(value.encode("utf-8", "surrogatepass")).decode(),
]


@pytest.mark.slow
class TestFuzz:
    @MANY
    @given(VALUES, st.text(), st.text(), st.sampled_from(FORMS))
    def test_no_value_survives(self, value, before, after, form):
        """A registered value is gone from any text, in its common forms."""
        redactor = Redactor()
        try:
            redactor.register("name", value)
            shown = form(value)
        except (WeakSecret, UnicodeEncodeError):
            return

        clean = redactor.redact_text(before + shown + after)

        assert value not in clean
        if shown not in before + after:
            assert shown not in clean

    @MANY
    @given(VALUES, st.lists(st.text(max_size=30), max_size=6), st.data())
    def test_streams_say_what_texts_say(self, value, pieces, data):
        """Chunks cut anywhere come out like the whole text."""
        redactor = Redactor()
        try:
            redactor.register("name", value)
        except WeakSecret:
            return
        text = "".join(
            piece + value[: data.draw(st.integers(0, 40))] for piece in pieces
        )
        cut = data.draw(st.integers(0, len(text)))

        with redactor.stream() as stream:
            shown = stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.close()

        assert redactor.redact_text(text) == shown

    @MANY
    @given(st.recursive(st.text() | st.binary() | st.none(), st.lists, max_leaves=20))
    def test_redacting_twice_changes_nothing(self, tree):
        """What has been redacted is clean."""
        redactor = Redactor()

        once = redactor.redact(tree)

        assert once == redactor.redact(once)


@pytest.fixture(scope="module")
def guided():
    """The fuzzer's target, as a module."""
    spec = importlib.util.spec_from_file_location("guided", HERE / "guided.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestGuided:
    def test_the_corpus_holds(self, guided):
        """Each text that a fuzzer found to reach new code keeps all promises."""
        stored = sorted(CORPUS.iterdir())
        assert len(stored) >= 50
        for path in stored:
            guided.check(path.read_bytes())

    def test_the_target_sees_a_leak(self, guided, monkeypatch):
        """A redactor that lets a value pass fails the target."""
        monkeypatch.setattr(guided.REDACTOR, "redact_text", lambda text: text)
        monkeypatch.setattr(guided.REDACTOR, "scan", lambda text: [])
        monkeypatch.setattr(guided.REDACTOR, "redact", lambda obj: obj)
        with pytest.raises(AssertionError, match="no form is left"):
            guided.check(b"a\x80b")

    def test_a_percent_sign_before_pairs(self, guided):
        """What looks like an escape hides no hexadecimal pairs from a stream."""
        guided.check(b"%\xb6")

    @pytest.mark.slow
    def test_a_fuzzer_finds_nothing(self, tmp_path):
        """From there on, texts that reach new code are tried, the same on each run."""
        pytest.importorskip("atheris", reason="pip install atheris")
        target = [sys.executable, str(HERE / "guided.py")]
        options = ["-seed=1", f"-runs={RUNS}", "-max_len=48", "-timeout=20"]
        folders = [str(tmp_path), str(CORPUS)]
        done = subprocess.run(
            [*target, *options, f"-artifact_prefix={tmp_path}/", *folders],
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert f"Done {RUNS} runs" in done.stderr
