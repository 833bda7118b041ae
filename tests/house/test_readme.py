"""The README's examples run, and print what they say."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
EXAMPLE = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


@pytest.fixture(autouse=True)
def _untraced(monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
    monkeypatch.setenv("GITHUB_TOKEN", "")  # an example sets it; afterwards it is gone
    for name in ("TYRUM_ENVIRONMENT", "TYRUM_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_examples_print_what_they_say():
    """Each example runs in order, with the output that stands beneath it."""
    namespace: dict[str, object] = {}
    examples = EXAMPLE.findall(TEXT)

    for code, said in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), namespace)
        assert said == printed.getvalue()

    assert 7 == len(examples)
