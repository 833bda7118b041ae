"""Warnings, unraisable exceptions and asyncio's own reports carry no value."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import warnings

import pytest

from langchain_tyrum.traces import install_tracing


@pytest.fixture
def loud(monkeypatch):
    """Warnings are printed, whatever the tests are run with."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", warnings._showwarning_orig)
        monkeypatch.setattr(
            warnings,
            "_showwarnmsg_impl",
            lambda msg: sys.stderr.write(warnings._formatwarnmsg(msg)),
        )
        yield


@pytest.mark.usefixtures("loud")
class TestWarnings:
    def test_printed(self, redactor, capsys, kit):
        """A warning is printed with a marker, with its place and its category."""
        with install_tracing(redactor):
            warnings.warn(f"about {kit.canary('input')}", UserWarning, stacklevel=1)
            warnings.warn("about nothing", UserWarning, stacklevel=1)

        shown = capsys.readouterr().err
        assert kit.canary("input") not in shown
        assert "UserWarning: about [REDACTED:c/input]" in shown
        assert "UserWarning: about nothing" in shown
        assert 2 == shown.count("test_doors.py")

    def test_the_line_of_code(self, redactor, capsys, tmp_path, kit):
        """The line that warned is printed with a marker, if a value stands in it."""
        path = tmp_path / "code.py"
        path.write_text(f"import warnings; warnings.warn('x')  # {kit.canary('key')}")
        with install_tracing(redactor):
            exec(compile(path.read_text(), path, "exec"), {})

        shown = capsys.readouterr().err
        assert kit.canary("key") not in shown
        assert "warnings.warn('x')  # [REDACTED:c/key]" in shown

    def test_without(self, capsys, kit):
        """Without a guard the warning shows the value."""
        warnings.warn(kit.canary("input"), UserWarning, stacklevel=1)

        assert kit.canary("input") in capsys.readouterr().err

    def test_a_hook_of_somebodys_own(self, redactor, monkeypatch, kit):
        """A hook that was there before gets a warning of the same class."""
        seen = []
        monkeypatch.setattr(warnings, "showwarning", lambda *args: seen.append(args))
        with install_tracing(redactor):
            warnings.warn(kit.canary("input"), RuntimeWarning, stacklevel=1)

        ((message, category, *_),) = seen
        assert (RuntimeWarning, RuntimeWarning) == (type(message), category)
        assert "[REDACTED:c/input]" == str(message)

    def test_captured_by_logging(self, redactor, caplog, kit):
        """Warnings that logging captures are redacted as log records."""
        logging.captureWarnings(capture=True)
        try:
            with install_tracing(redactor), caplog.at_level("WARNING", "py.warnings"):
                warnings.warn(kit.canary("input"), UserWarning, stacklevel=1)
        finally:
            logging.captureWarnings(capture=False)

        assert kit.canary("input") not in caplog.text
        assert "[REDACTED:c/input]" in caplog.text


class _Failing:
    def __init__(self, text):
        self.text = text

    def __del__(self):
        raise ValueError(self.text)

    def __repr__(self):
        return f"<failing {self.text}>"


class TestUnraisable:
    def test_the_interpreters_hook(self, redactor, capsys, monkeypatch, kit):
        """What a finalizer raises is printed with markers, and so is its object."""
        monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
        with install_tracing(redactor):
            _Failing(kit.canary("error"))
            gc.collect()

        shown = capsys.readouterr().err
        assert kit.canary("error") not in shown
        assert "ValueError: [REDACTED:c/error]" in shown
        assert "Exception ignored in" in shown

    def test_a_hook_of_somebodys_own(self, redactor, monkeypatch, kit):
        """A hook that was there before gets a redacted exception without its object."""
        seen = []
        monkeypatch.setattr(sys, "unraisablehook", seen.append)
        with install_tracing(redactor):
            _Failing(kit.canary("error"))
            _Failing("harmless")
            gc.collect()

        raw, clean = seen
        assert ("[REDACTED:c/error]", None, None) == (
            str(raw.exc_value),
            raw.exc_traceback,
            raw.object,
        )
        assert kit.canary("error") not in repr(raw)
        assert ("harmless", True) == (str(clean.exc_value), clean.object is not None)


class TestAsyncio:
    async def test_a_task_nobody_awaited(self, redactor, caplog, kit):
        """What asyncio reports of a lost task is redacted, exception and message."""

        async def fail():
            raise ValueError(kit.canary("error"))

        with install_tracing(redactor), caplog.at_level("ERROR", "asyncio"):
            task = asyncio.get_running_loop().create_task(fail())
            await asyncio.wait([task])
            del task
            gc.collect()

        assert kit.canary("error") not in caplog.text
        assert "Task exception was never retrieved" in caplog.text
        assert "ValueError: [REDACTED:c/error]" in caplog.text
