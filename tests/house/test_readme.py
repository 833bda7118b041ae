"""The README's examples run, and print what they say."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
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

    assert 8 == len(examples)


def test_commands_are_understood():
    """Each command of the README is one of the command line's, with its options."""
    from langchain_tyrum.cli.app import _parser
    from langchain_tyrum.demo import add_parser

    blocks = re.findall(r"^(langchain-tyrum [^\n]*)", TEXT, re.MULTILINE)
    inline = re.findall(r"`(langchain-tyrum [^`]*)`", TEXT)
    wrong = []
    for command in [*blocks, *inline]:
        argv = shlex.split(command, comments=True)[1:]
        try:
            _parser([add_parser]).parse_args(argv)
        except SystemExit:
            wrong.append(command)

    assert [] == wrong
    assert 15 <= len(blocks) + len(inline)
