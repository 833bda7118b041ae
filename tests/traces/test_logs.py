"""Logs, uncaught exceptions and structlog events carry no value."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from typing import NamedTuple

import pytest

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.text import TextGuard
from langchain_tyrum.traces import (
    RedactionFilter,
    install_tracing,
    redaction_processor,
)
from langchain_tyrum.traces.logs import WITHHELD


class _Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []
        self.setFormatter(
            logging.Formatter("%(message)s %(user)s", defaults={"user": ""})
        )

    def emit(self, record):
        self.records.append((record, self.format(record)))


@pytest.fixture
def kept():
    """A logger of the test's own, and a handler that keeps records and lines."""
    handler = _Kept()
    logger = logging.getLogger("tyrum.tests")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, handler
    logger.removeHandler(handler)


class _Shy:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return f"<Shy {self.text}>"


class _Pair(NamedTuple):
    a: int
    b: str


def _cases(value):
    return [
        ((f"plain {value}",), {}),
        (("with %s", value), {}),
        (("split %s%s", value[:9], value[9:]), {}),
        (("dict %(a)s", {"a": value}), {}),
        (("list %s", [1, {"a": (value,)}]), {}),
        (("object %s", _Shy(value)), {}),
        (("named %s", _Pair(1, value)), {}),
        (("bytes %s", value.encode()), {}),
        (("error %r", ValueError(value)), {}),
        ((ValueError(value),), {}),
        (("extra",), {"extra": {"user": value}}),
        (("extra key",), {"extra": {f"user {value}": 1}}),
        (("stack",), {"stack_info": True, "extra": {"user": {"deep": [value]}}}),
    ]


def _everything(records):
    return "\n".join(
        [line for _, line in records] + [repr(vars(record)) for record, _ in records]
    )


class TestFilter:
    @pytest.mark.parametrize("way", ["filter", "install"])
    def test_every_place_in_a_record(self, way, kept, redactor, kit):
        """Message, arguments, exceptions and extras are redacted in every form."""
        logger, handler = kept
        cases = _cases(kit.canary("input"))
        guard = RedactionFilter(redactor)
        if way == "filter":
            handler.addFilter(guard)

        with install_tracing(redactor if way == "install" else Redactor()):
            for args, kwargs in cases:
                logger.info(*args, **kwargs)

        text = _everything(handler.records)
        assert kit.canary("input") not in text
        assert len(cases) == len(handler.records)
        for record, line in handler.records:
            assert "[REDACTED:c/input]" in line + repr(vars(record))

    def test_shapes(self, kept, redactor, kit):
        """Credentials that nobody registered are known by their shape."""
        logger, handler = kept
        handler.addFilter(RedactionFilter(redactor))

        logger.info("token %s", kit.SHAPE)

        assert kit.SHAPE not in _everything(handler.records)

    def test_the_handler_finds_a_leak(self, kept, kit):
        """Without a guard every case is found in the clear."""
        logger, handler = kept

        for args, kwargs in _cases(kit.canary("input")):
            logger.info(*args, **kwargs)
            record, line = handler.records[-1]
            assert (
                kit.canary("input") in line + repr(vars(record)) or "split" in args[0]
            )

    @pytest.mark.parametrize("way", ["filter", "install"])
    def test_exceptions(self, way, kept, redactor, kit):
        """A traceback stays as text; exception, cause and notes are redacted."""
        logger, handler = kept
        if way == "filter":
            handler.addFilter(RedactionFilter(redactor))

        with install_tracing(redactor if way == "install" else Redactor()):
            try:
                try:
                    raise KeyError(kit.canary("cause"))
                except KeyError as cause:
                    error = ValueError(kit.canary("error"))
                    error.add_note(kit.canary("tag"))
                    raise error from cause
            except ValueError:
                logger.exception("it failed")

        ((record, line),) = handler.records
        assert "test_exceptions" in line
        for field in ("cause", "error", "tag"):
            assert kit.canary(field) not in line
            assert f"[REDACTED:c/{field}]" in line
        shown = "".join(traceback.format_exception(record.exc_info[1]))
        assert kit.canary("error") not in shown
        assert record.exc_info[2] is None

    def test_clean_records_stay(self, kept, redactor):
        """A clean record keeps its template, its arguments and its traceback."""
        logger, handler = kept
        handler.addFilter(RedactionFilter(redactor))
        thing = _Shy("nothing")

        try:
            raise ValueError("harmless")
        except ValueError as error:
            logger.exception("%d of %s", 7, thing)
            kept_error = error

        ((record, line),) = handler.records
        assert ("%d of %s", 7) == (record.msg, record.args[0])
        assert type(thing) is record.args[1].__class__
        assert record.exc_info[1] is kept_error
        assert record.exc_info[2] is not None
        assert line.startswith("7 of <Shy nothing>")

    def test_it_never_raises(self, kept, kit):
        """A record that cannot be redacted is emptied and still logged."""

        class Broken:
            def redact_text(self, text):
                raise RuntimeError(text)

            redact = redact_text

        logger, handler = kept
        handler.addFilter(RedactionFilter(Broken()))

        logger.info("see %s", kit.canary("input"), extra={"user": kit.canary("output")})

        ((record, line),) = handler.records
        assert WITHHELD == line.strip()
        assert kit.canary("output") not in repr(vars(record))

    def test_records_that_no_logger_handled(self, redactor, kit):
        """A record made by hand and given to a handler is redacted as it is made."""
        make = logging.getLogger("tyrum.tests").makeRecord

        with install_tracing(redactor):
            record = make("n", 20, "f", 1, "see %s", (kit.canary("input"),), None)

        assert "see [REDACTED:c/input]" == record.getMessage()

    def test_a_redactor_that_logs(self, kept, kit):
        """Redaction that itself logs ends, and shows no value."""
        logger, handler = kept

        class Chatty(Redactor):
            def redact_text(self, text):
                logger.warning("looking at %s", text)
                return super().redact_text(text)

        redactor = Chatty()
        redactor.register("c/input", kit.canary("input"))
        with install_tracing(redactor):
            logger.info("see %s", kit.canary("input"))

        assert 1 < len(handler.records)
        assert kit.canary("input") not in _everything(handler.records)
        assert "see [REDACTED:c/input]" == handler.records[-1][1].strip()

    def test_a_broken_engine_is_no_storm(self, kept, kit, monkeypatch):
        """Records about withheld texts are not themselves looked at, and so on."""
        logger, handler = kept
        ours = logging.getLogger("langchain_tyrum")
        ours.addHandler(handler)
        redactor = Redactor()
        redactor.register("c/input", kit.canary("input"))

        def broken(*_: object, **__: object):
            raise RuntimeError

        monkeypatch.setattr(TextGuard, "spans", broken)
        with install_tracing(redactor):
            logger.warning("hello %s", kit.canary("input"))
        ours.removeHandler(handler)

        assert 1 < len(handler.records) < 200
        assert kit.canary("input") not in _everything(handler.records)

    def test_numbers_in_extras(self, kept, redactor):
        """A number that is a value shows in no field, and breaks no format."""
        logger, handler = kept
        redactor.register("pin", "955871794576607")
        number = 955871794576607
        handler.addFilter(RedactionFilter(redactor))

        logger.info("%d of %s", number, {"a": number}, extra={"user": {"a": number}})
        logger.info("%d of 7", 3, extra={"user": number})

        lines = [line for _, line in handler.records]
        assert lines == [
            "[REDACTED:pin] of {'a': [REDACTED:pin]} {'a': '[REDACTED:pin]'}",
            "3 of 7 [REDACTED:pin]",
        ]

    def test_a_wrong_format_stays_wrong(self, redactor, kit):
        """A format that does not fit is logging's to report, without the value."""
        fields = {"msg": "%d things", "args": (kit.canary("input"),)}
        record = logging.makeLogRecord(fields)

        assert RedactionFilter(redactor).filter(record)

        assert ("%d things", ("[REDACTED:c/input]",)) == (record.msg, record.args)
        with pytest.raises(TypeError):
            record.getMessage()

    def test_a_factory_of_somebodys_own(self, kept, redactor, kit):
        """A record factory that was there before is used and put back."""
        logger, handler = kept

        class Own(logging.LogRecord):
            pass

        before = logging.getLogRecordFactory()
        logging.setLogRecordFactory(Own)
        try:
            with install_tracing(redactor):
                logger.info(kit.canary("input"))
            assert Own is logging.getLogRecordFactory()
        finally:
            logging.setLogRecordFactory(before)

        ((record, line),) = handler.records
        assert isinstance(record, Own)
        assert "[REDACTED:c/input]" == line.strip()


class TestUncaught:
    def test_the_interpreters_hook(self, redactor, capsys, monkeypatch, kit):
        """An exception that ends the program prints its traceback with markers."""
        monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
        with install_tracing(redactor):
            try:
                raise ValueError(kit.canary("error"))
            except ValueError:
                sys.excepthook(*sys.exc_info())

        shown = capsys.readouterr().err
        assert kit.canary("error") not in shown
        assert "[REDACTED:c/error]" in shown
        assert "test_the_interpreters_hook" in shown

    def test_a_hook_of_somebodys_own(self, redactor, monkeypatch, kit):
        """A hook that was there before gets a redacted exception without frames."""
        seen = []
        monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args))
        with install_tracing(redactor):
            for text in (kit.canary("error"), "harmless"):
                try:
                    raise ValueError(text)
                except ValueError:
                    sys.excepthook(*sys.exc_info())

        (kind, error, trace), clean = seen
        assert (ValueError, "[REDACTED:c/error]", None) == (kind, str(error), trace)
        assert ("harmless", True) == (str(clean[1]), clean[2] is not None)

    def test_threads(self, redactor, capsys, monkeypatch, kit):
        """An exception that ends a thread prints with markers."""
        monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)

        def fail():
            raise ValueError(kit.canary("error"))

        with install_tracing(redactor):
            thread = threading.Thread(target=fail, name="worker-7")
            thread.start()
            thread.join()

        shown = capsys.readouterr().err
        assert kit.canary("error") not in shown
        assert "[REDACTED:c/error]" in shown
        assert "worker-7" in shown


class TestStructlog:
    def test_events(self, redactor, kit):
        """Keys and values of an event are redacted; other objects stay."""
        process = redaction_processor(redactor)
        thing = object()

        event = process(
            None, "info", {"event": kit.canary("input"), kit.canary("key"): [thing]}
        )

        assert {"event": "[REDACTED:c/input]", "[REDACTED:c/key]": [thing]} == event

    def test_exceptions(self, redactor, kit):
        """An exception becomes its redacted traceback; a clean one stays."""
        process = redaction_processor(redactor)
        try:
            raise ValueError(kit.canary("error"))
        except ValueError as error:
            shown = process(None, "error", {"event": "e", "exc_info": True})
            again = process(None, "error", {"event": "e", "exc_info": error})
        harmless = ValueError("harmless")
        clean = process(None, "error", {"event": "e", "exc_info": harmless})

        for each in (shown, again):
            assert "exc_info" not in each
            assert "[REDACTED:c/error]" in each["exception"]
            assert kit.canary("error") not in each["exception"]
        assert harmless is clean["exc_info"]

    def test_it_never_raises(self, kit):
        """An event that cannot be redacted is emptied."""

        class Broken:
            def redact_text(self, text):
                raise RuntimeError(text)

            redact = redact_text

        assert {"event": WITHHELD} == redaction_processor(Broken())(
            None, "info", {"event": kit.canary("input")}
        )


class TestLocals:
    """Handlers that send the locals of frames, as error reporters do."""

    def _failed(self, value):
        secret = str(value)
        return len(secret) / 0

    def _held(self, trace, value):
        found = set()
        while trace:
            frame = trace.tb_frame
            if value in map(str, frame.f_locals.values()):
                found.add(frame.f_code.co_name)
            trace = trace.tb_next
        return found

    def _raised(self, value):
        try:
            self._failed(value)
        except ZeroDivisionError as error:
            return error
        raise AssertionError

    def test_of_a_record(self, redactor, kit):
        """A record's exception shows its lines, and no local that holds a value."""
        value = kit.canary("input")
        error = self._raised(value)
        assert "_failed" in self._held(error.__traceback__, value)
        raised = (type(error), error, error.__traceback__)
        record = logging.LogRecord("n", 40, "p", 1, "it failed", (), raised)

        RedactionFilter(redactor).filter(record)

        assert (error, set()) == (
            record.exc_info[1],
            self._held(record.exc_info[2], value),
        )
        shown = logging.Formatter().format(record)
        assert "in _failed" in shown
        assert value not in shown

    def test_of_a_structlog_event(self, redactor, kit):
        """The same holds for an event of structlog."""
        value = kit.canary("input")
        error = self._raised(value)
        assert "_failed" in self._held(error.__traceback__, value)

        event = redaction_processor(redactor)(
            None, "error", {"event": "e", "exc_info": error}
        )

        assert error is event["exc_info"]
        assert set() == self._held(error.__traceback__, value)
