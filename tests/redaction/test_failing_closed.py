"""Every part that can fail, failing: nothing of the text comes out."""

from __future__ import annotations

import contextlib

import pytest

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.engines import EngineError
from langchain_tyrum.redaction.engines.aho import AhoEngine
from langchain_tyrum.redaction.engines.hyper import Database, HyperEngine
from langchain_tyrum.redaction.engines.plain import PlainEngine
from langchain_tyrum.redaction.registry import Registry
from langchain_tyrum.redaction.shapes import Row, Shapes
from langchain_tyrum.redaction.shapes.signals import Signals
from langchain_tyrum.redaction.text import TextGuard
from langchain_tyrum.redaction.tiers import Tier

TEXT = (
    "so: Zq7-canary_Value.93x/K+w \\u005a\\u0071\\u0037 token=k7Qm2ZpX9wRt4VbN8cJh " * 3
)
#: What anybody might recognize of it.
RAW = ("Zq7-", "_Value", "k7Qm2")
#: Longer than what is looked at without an engine.
LONG = "a text of some length, so that an engine looks at it " * 40
ERRORS = [
    EngineError("x"),
    MemoryError(),
    RuntimeError(TEXT),
    ValueError(TEXT),
    OSError(5, TEXT),
    RecursionError(),
    UnicodeDecodeError("utf-8", TEXT.encode(), 0, 1, "x"),
    StopIteration(TEXT),
]
SITES = [
    (Tier, "find"),
    (Registry, "tiers"),
    (Row, "spans"),
    (Shapes, "find"),
    (Signals, "fired"),
    (TextGuard, "splice"),
    (TextGuard, "covered"),
    (TextGuard, "spans"),
    (Database, "scan"),
]


@pytest.fixture(params=SITES, ids=lambda site: f"{site[0].__name__}.{site[1]}")
def breaking(request, monkeypatch):
    """A function that breaks one site with an error."""
    holder, name = request.param

    def breaks(error: Exception) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(holder, name, fail)

    return breaks


def _many() -> Redactor:
    redactor = Redactor()
    redactor.register("vault/canary", "Zq7-canary_Value.93x/K+w")
    for number in range(12):
        redactor.register(f"n{number}", f"value-{number:03d}-{number * 7919:06x}")
    return redactor


def _outputs(redactor):
    """Show the text in every way that there is."""
    yield redactor.redact_text(TEXT)
    yield redactor.redact_bytes(TEXT.encode()).decode()
    yield repr(redactor.redact({"a": [TEXT], "b": (TEXT.encode(),), TEXT: 1}))
    yield repr(redactor.redact(ValueError(TEXT)))


class TestEverySite:
    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    def test_nothing_raw_comes_out(self, breaking, error, caplog):
        """Texts, bytes and objects are withheld, whatever fails where."""
        redactor = _many()
        breaking(error)

        for shown in _outputs(redactor):
            assert "[REDACTED" in shown
            assert [raw for raw in RAW if raw in shown] == []
        assert "canary" not in caplog.text

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    def test_questions_are_answered_with_yes(self, breaking, error):
        """What cannot be searched counts as holding a value."""
        redactor = _many()
        breaking(error)
        unasked = redactor.contains(b"clean") is False  # this site is not on its way

        assert redactor.scan(TEXT) != []
        assert unasked or redactor.contains(TEXT.encode())
        with pytest.raises(RawSecretFound) as caught:
            redactor.refuse({"a": TEXT})
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize("size", [1, 7, 60, 1000])
    def test_streams_are_withheld(self, breaking, size):
        """In chunks of any size, a stream shows a marker or raises what broke it."""
        redactor, parts = _many(), []
        breaking(EngineError("x"))

        with contextlib.suppress(EngineError), redactor.stream() as stream:
            for at in range(0, len(TEXT), size):
                parts.append(stream.feed(TEXT[at : at + size]))
            parts.append(stream.close())

        assert [raw for raw in RAW if raw in "".join(parts)] == []

    def test_a_stream_that_failed_shows_nothing_more(
        self, redactor, value, monkeypatch
    ):
        """After an error a stream is withheld to its end, since it lost the thread."""
        find = Tier.find
        fails = iter([True])

        def flaky(self: Tier, data: bytes) -> object:
            if b"ary_" in data and next(fails, False):
                raise EngineError("once")
            return find(self, data)

        with redactor.stream() as stream:
            parts = [stream.feed("so: " + value[:8])]
            monkeypatch.setattr(Tier, "find", flaky)
            parts.append(stream.feed(value[8:14]))
            parts += [stream.feed(value[14:]), stream.feed(" end"), stream.close()]

        assert value[14:] not in "".join(parts)


class TestEngines:
    @pytest.mark.parametrize("count", [1, 40, 400])
    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    def test_an_engine_that_fails_withholds(self, monkeypatch, count, error):
        """Each of the engines may fail with anything."""
        redactor = Redactor(detectors=[])
        for number in range(count):
            redactor.register(f"n{number}", f"value-{number:05d}")
        assert redactor.redact_text("clean") == "clean"

        def fail(*_: object) -> None:
            raise error

        for engine in (PlainEngine, AhoEngine, HyperEngine):
            monkeypatch.setattr(engine, "hits", fail)
        text = LONG + "value-00000"

        assert redactor.redact_text(text) == "[REDACTED]"
        assert redactor.redact([text]) == "[REDACTED]"
        assert redactor.redact_bytes(text.encode()) == b"[REDACTED]"
        assert redactor.contains(text.encode())

    def test_interrupts_pass(self, redactor, monkeypatch):
        """Control-C is nobody's failure, and shows nothing."""

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Tier, "find", interrupt)
        for call in (redactor.redact_text, redactor.redact, redactor.scan):
            with pytest.raises(KeyboardInterrupt):
                call(LONG)
