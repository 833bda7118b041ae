from __future__ import annotations

import functools
import io
import json
import pathlib
import re
import threading

import pydantic
import pytest

from langchain_tyrum.errors import SecretNotFound
from langchain_tyrum.redaction import Redactor

VALUE = "Zq7-canary_Value.93x/K+w"


class Custom(Exception):
    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"failed with {detail}")
        self.code = code
        self.detail = detail


class Speaking(Exception):
    def __init__(self, a: str, b: str) -> None:
        self.parts = [a, b]

    def __str__(self) -> str:
        return " ".join(self.parts)


def _raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


class TestExceptions:
    @pytest.mark.parametrize(
        "error",
        [
            ValueError(VALUE),
            KeyError(VALUE),
            OSError(2, "no such file", f"/tmp/{VALUE}"),
            FileNotFoundError(VALUE),
            UnicodeDecodeError("utf-8", VALUE.encode(), 0, 1, "bad"),
            json.JSONDecodeError("bad", f'{{"a": "{VALUE}"', 3),
            Custom(3, detail=VALUE),
            Speaking("a", VALUE),
            StopIteration(VALUE),
            SystemExit(VALUE),
            SecretNotFound(VALUE, handle=VALUE),
            ExceptionGroup("several", [ValueError(VALUE), TypeError("x")]),
            ImportError(VALUE, name=VALUE),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_exceptions_keep_their_class(self, redactor, error):
        """A dirty exception is rebuilt in its own class, without a traceback."""
        error = _raised(error)
        hidden = redactor.redact(error)

        assert type(hidden) is type(error)
        assert hidden is not error
        assert hidden.__traceback__ is None
        for said in (str(hidden), repr(hidden), repr(hidden.args), repr(vars(hidden))):
            assert VALUE not in said
        assert redactor.scan(hidden) == []
        assert redactor.redact(hidden) is hidden

    def test_clean_exceptions_come_back_themselves(self, redactor):
        """A clean exception keeps its traceback."""
        error = _raised(ValueError("nothing"))
        assert redactor.redact(error) is error
        assert error.__traceback__ is not None

    def test_cause_context_and_notes(self, redactor):
        """Causes, contexts and notes hold no value."""
        error = ValueError("outer")
        error.__cause__ = KeyError(VALUE)
        error.__context__ = TypeError(VALUE)
        error.add_note(f"note {VALUE}")

        hidden = redactor.redact(error)

        assert isinstance(hidden.__cause__, KeyError)
        assert isinstance(hidden.__context__, TypeError)
        assert hidden.__notes__ == ["note [REDACTED:vault/canary]"]
        assert VALUE not in repr([hidden.__cause__, hidden.__context__])

    def test_cyclic_causes(self, redactor):
        """Exceptions that cause each other are no endless walk."""
        first, second = ValueError(VALUE), TypeError("x")
        first.__context__, second.__context__ = second, first

        hidden = redactor.redact(first)

        assert VALUE not in repr(hidden)
        assert VALUE not in repr(hidden.__context__)

    def test_validation_errors(self, redactor):
        """A pydantic error, which quotes its input, says nothing of it."""

        class Strict(pydantic.BaseModel):
            number: int

        with pytest.raises(pydantic.ValidationError) as caught:
            Strict(number=VALUE)
        hidden = redactor.redact(caught.value)

        assert VALUE in str(caught.value)
        assert VALUE not in str(hidden)
        assert "number" in str(hidden)

    def test_exceptions_that_cannot_be_rebuilt(self):
        """Where the class allows no copy, a plain error says the redacted text."""

        class Stubborn(Exception):
            def __new__(cls, *args: object):
                if args != ("magic",):
                    raise TypeError
                return super().__new__(cls, *args)

        redactor = Redactor()
        redactor.register("m", "some-value-123")
        error = Stubborn("magic")
        error.detail = "some-value-123"
        error.args = ("some-value-123",)

        hidden = redactor.redact(error)

        assert type(hidden) is RuntimeError
        assert str(hidden) == "Stubborn: [REDACTED:m]"


class Slotted(Exception):
    __slots__ = ("token",)


class Settings:
    def __init__(self, token: str) -> None:
        self.token = token


def _lacking(obj: object) -> BaseException:
    try:
        return obj.nothing_of_the_kind
    except AttributeError as error:
        return error


def _exit(code: object) -> BaseException:
    return SystemExit(code)


def _beside(error: BaseException, **attributes: object) -> BaseException:
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


class TestBesideTheArguments:
    @pytest.mark.parametrize(
        "error",
        [
            _lacking(VALUE),
            _lacking([VALUE]),
            _lacking(Settings(VALUE)),
            _beside(NameError("gone"), name=VALUE),
            _beside(StopIteration(), value={"t": VALUE}),
            _exit({"t": VALUE}),
            _beside(SystemExit(), code=[VALUE]),
            _beside(OSError(2, "no"), filename=pathlib.Path("/x") / VALUE),
            _beside(
                UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), object=VALUE.encode()
            ),
            _beside(SyntaxError("bad"), text=VALUE),
            _beside(ImportError("bad"), path=VALUE),
            _beside(Slotted("bad"), token=VALUE),
            _beside(ValueError("bad"), match=re.match(".*", VALUE)),
            _beside(ValueError("bad"), call=functools.partial(print, VALUE)),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_what_stands_there_holds_no_value(self, redactor, error):
        """Objects, names, codes and files that only attributes hold."""
        hidden = redactor.redact(error)

        assert type(hidden) is type(error)
        assert VALUE in _attributes(error)
        assert VALUE not in _attributes(hidden)
        assert redactor.redact(hidden) is hidden

    def test_what_is_clean_is_taken_over(self, redactor):
        """A retry policy still finds the code beside a redacted text."""
        error = _beside(SystemExit(VALUE), code=7)
        missing = OSError(2, f"no {VALUE}", "/plain")

        assert redactor.redact(error).code == 7
        assert redactor.redact(missing).errno == 2
        assert redactor.redact(missing).filename == "/plain"

    @pytest.mark.parametrize("obj", ["text", Settings("x"), threading.Lock(), io])
    def test_a_clean_one_keeps_its_traceback(self, redactor, obj):
        """Also when what lacked the attribute is alive."""
        error = _lacking(obj)
        assert redactor.redact(error) is error
        assert error.__traceback__ is not None


def _attributes(error: BaseException) -> str:
    names = [
        "obj",
        "name",
        "value",
        "code",
        "filename",
        "object",
        "text",
        "path",
        "token",
        "match",
        "call",
    ]
    found = [getattr(error, name, None) for name in names]
    found += [vars(each) for each in found if isinstance(each, Settings)]
    return f"{found!r} {error!r} {vars(error)!r}"


class Dunder(Exception):
    __slots__ = ("__token__",)


class TestChains:
    @pytest.mark.parametrize("link", ["__cause__", "__context__"])
    @pytest.mark.parametrize("last", [VALUE, "plain"])
    def test_long_chains(self, redactor, link, last):
        """Ten thousand exceptions in a row are walked, and keep their order."""
        first = error = ValueError("top")
        for _ in range(10_000):
            below = KeyError("x")
            setattr(error, link, below)
            error = below
        setattr(error, link, TypeError(last))

        hidden = redactor.redact(first)

        assert (hidden is first) == (last == "plain")
        size = 0
        while getattr(hidden, link) is not None:
            hidden, size = getattr(hidden, link), size + 1
        assert size == 10_001
        assert VALUE not in repr(hidden)
        assert type(hidden) is TypeError

    def test_groups_of_groups(self, redactor):
        """Every leaf of nested groups is rebuilt, notes and causes included."""
        leaf = ValueError(VALUE)
        leaf.add_note(VALUE)
        leaf.__cause__ = OSError(2, VALUE, VALUE)
        group = ExceptionGroup("g", [ExceptionGroup(VALUE, [leaf]), TypeError("x")])

        hidden = redactor.redact(group)
        inner = hidden.exceptions[0]

        assert type(hidden) is type(inner) is ExceptionGroup
        assert [type(each) for each in inner.exceptions] == [ValueError]
        told = f"{hidden!r} {inner} {inner.exceptions[0].__notes__}"
        told += (
            f"{inner.exceptions[0].__cause__} {inner.exceptions[0].__cause__.filename}"
        )
        assert VALUE not in told
        assert VALUE in repr(group)

    def test_names_and_hidden_slots(self, redactor):
        """A value that names an attribute, or stands in a slot with underscores."""
        named, slotted = ValueError("x"), Dunder("x")
        setattr(named, VALUE, 1)
        slotted.__token__ = VALUE

        assert VALUE not in repr(vars(redactor.redact(named)))
        assert VALUE not in repr(redactor.redact(slotted).__token__)
        assert type(redactor.redact(slotted)) is Dunder
