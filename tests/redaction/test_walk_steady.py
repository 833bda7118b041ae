"""Objects that say something else each time: observers are given what was looked at."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, computed_field
from pydantic_core import to_json

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.walk.steady import steady

VALUE = "tulip-42-kites-over-zanzibar"
HALVES = (VALUE[:9], VALUE[9:])
MARK = "[REDACTED:vault/canary]"


@pytest.fixture
def redactor():
    """One that knows the value."""
    made = Redactor()
    made.register("vault/canary", VALUE)
    return made


class Turning:
    """Says the value once it was asked often enough."""

    def __init__(self, clean: int) -> None:
        self.clean, self.name = clean, "kept"

    def _next(self) -> str:
        self.clean -= 1
        return "fine" if self.clean >= 0 else "".join(HALVES)


class Repr(Turning):
    def __repr__(self) -> str:
        return self._next()


class Str(Turning):
    def __str__(self) -> str:
        return self._next()


class Slotted:
    __slots__ = ("clean", "name")
    __init__, _next, __repr__ = Turning.__init__, Turning._next, Repr.__repr__


class Format(Turning):
    def __format__(self, spec: str) -> str:
        return self._next()


class Dict(Turning):
    def to_dict(self) -> dict[str, str]:
        return {"k": self._next()}


class Json(Turning):
    def model_dump(self, **_: Any) -> dict[str, str]:
        return {"k": self._next()}


class Items(Turning):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, at: int) -> str:
        if at:
            raise IndexError
        return self._next()


class Mapping(Turning):
    def keys(self) -> list[str]:
        return ["k"]

    def __iter__(self) -> Any:
        return iter(["k"])

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: str) -> str:
        return self._next()


class Row(list):
    def __init__(self, clean: int) -> None:
        self.clean, self.name = clean, "kept"
        super().__init__(["x"])

    _next, __repr__ = Turning._next, Repr.__repr__


class Model(BaseModel):
    clean: list[int]
    name: str = "kept"

    def __init__(self, clean: int) -> None:
        super().__init__(clean=[clean])

    @computed_field
    @property
    def whole(self) -> str:
        self.clean[0] -= 1
        return "fine" if self.clean[0] >= 0 else "".join(HALVES)


class Refusing(ValueError):
    def __init__(self, clean: int) -> None:
        self.clean, self.name = clean, "kept"

    _next, __str__ = Turning._next, Repr.__repr__


KINDS = [Repr, Str, Slotted, Format, Dict, Json, Items, Mapping, Row, Model, Refusing]


def _told(obj: Any) -> str:
    """Ask in all ways, twice."""
    ways = (
        *(repr, str, "{}".format, "{:>9}".format, list, dict, vars, to_json),
        *(lambda o: o.to_dict(), lambda o: o.model_dump(), lambda o: o["k"]),
        *(lambda o: o.model_dump_json(), lambda o: o[0], lambda o: list(o.items())),
        *(lambda o: repr(copy.copy(o)), lambda o: repr(copy.deepcopy([o]))),
        lambda o: json.dumps(o, default=str),
    )
    told = ""
    for way in ways * 2:
        try:
            told += f"{way(obj)}\n"
        except Exception:
            continue
    return told


class TestSteady:
    @pytest.mark.parametrize("clean", range(12))
    @pytest.mark.parametrize("kind", KINDS)
    def test_it_says_nothing_else_later(self, redactor, kind, clean):
        """However often it was clean before, what is handed out says no value."""
        obj = kind(clean)

        shown = steady({"a": [obj]}, redactor)["a"][0]

        assert VALUE not in _told(shown)
        assert "fine" in _told(shown) or MARK in _told(shown) or "x" in _told(shown)
        assert VALUE in _told(kind(0))

    @pytest.mark.parametrize("kind", KINDS)
    def test_it_is_like_the_object(self, redactor, kind):
        """It is an object of the same class with the same attributes."""
        obj = kind(50)

        shown = steady(obj, redactor)

        assert isinstance(shown, kind)
        assert kind is shown.__class__
        assert (kind.__name__, "kept") == (type(shown).__name__, shown.name)
        assert shown is not obj
        assert shown is steady(shown, redactor)

    def test_ordinary_objects_are_themselves(self, redactor):
        """What computes no text is handed out as it is."""
        things = [object(), {"a": 1}, ValueError("x"), print, type, Model.__base__]

        assert things is steady(things, redactor)

    def test_live_objects_stay_themselves_where_a_run_goes_on(self, redactor):
        """Only who observes gets a stand-in."""
        obj = Repr(50)

        assert obj is redactor.redact(obj)

    def test_errors_keep_what_belongs_to_them(self, redactor):
        """Cause, notes and traceback; and arguments say nothing else either."""
        cause = Refusing(50)
        try:
            raise RuntimeError(Repr(4)) from cause
        except RuntimeError as caught:
            error = caught
        shown = steady(error, redactor)

        assert VALUE not in f"{shown!r}{shown}{shown.__cause__}" * 3
        assert isinstance(shown, RuntimeError)
        assert isinstance(shown.__cause__, Refusing)

    def test_no_class_hears_of_it(self, redactor):
        """A class that keeps a list of its subclasses keeps it."""
        known = []

        class Base(Repr):
            def __init_subclass__(cls) -> None:
                known.append(cls)

        assert isinstance(steady(Base(50), redactor), Base)
        assert [] == known

    def test_it_is_pickled_as_the_object(self, redactor):
        """A handler may send it elsewhere."""
        shown = pickle.loads(pickle.dumps(steady(Dict(50), redactor)))

        assert Dict is type(shown)
        assert "kept" == shown.name

    def test_modes_are_kept(self):
        """A shape that a computed text shows is refused."""
        strict = Redactor(shapes="refuse")
        spoken = type("Spoken", (), {"__repr__": lambda _: "ghp_" + "Zx9" * 12})

        with pytest.raises(RawSecretFound):
            steady(spoken(), strict)

    def test_what_fails_is_withheld(self, redactor, monkeypatch):
        """Nothing that was not looked at is handed out."""
        monkeypatch.setattr(
            "langchain_tyrum.redaction.walk.steady.walk", lambda *_: 1 / 0
        )

        assert "[REDACTED]" == steady(Repr(50), redactor)


class TestTokens:
    """The tokens of an answer, which a provider tells with their probabilities."""

    @staticmethod
    def _of(*texts: str, logprob: Any = -0.5) -> dict[str, Any]:
        tokens = [
            {
                "token": text,
                "logprob": logprob,
                "bytes": list(text.encode()),
                "top_logprobs": [{"token": text, "logprob": logprob}],
            }
            for text in texts
        ]
        return {"logprobs": {"content": tokens}}

    @pytest.mark.parametrize("logprob", [-0.5, 0, None])
    @pytest.mark.parametrize("at", range(1, len(VALUE)))
    def test_a_value_in_two_tokens_is_withheld(self, redactor, at, logprob):
        """One by one they say what the message says."""
        told = self._of("so ", VALUE[:at], VALUE[at:], logprob=logprob)
        shown = redactor.redact(told)["logprobs"]["content"]

        assert {"[REDACTED]"} == {each["token"] for each in shown}
        assert [[], [], []] == [each["bytes"] for each in shown]
        inner = {top["token"] for each in shown for top in each["top_logprobs"]}
        assert {"[REDACTED]"} == inner
        assert [logprob] * 3 == [each["logprob"] for each in shown]
        assert redactor.scan(told)

    def test_a_value_in_many_tokens_among_others(self, redactor):
        """However they come to be looked at, they are looked at in order."""
        pieces = [VALUE[at : at + 4] for at in range(0, len(VALUE), 4)]
        others = [f"word {number}, then" for number in range(60)]
        told = self._of(*others, *pieces, *others, logprob=None)
        shown = redactor.redact(told)["logprobs"]["content"]

        assert {"[REDACTED]"} == {each["token"] for each in shown}

    def test_clean_tokens_stay(self, redactor):
        """Also when they are not quite what they should be."""
        told = [self._of("so", " it", " is"), [{"logprob": 1}, {"logprob": 2, "a": []}]]

        assert told is redactor.redact(told)
