"""What providers say when they fail, and values that are no text."""

from __future__ import annotations

import pytest

from langchain_tyrum import SecretBroker, SecretPolicy
from langchain_tyrum.broker.values.asking import Store
from langchain_tyrum.errors import (
    ConfigError,
    ProviderError,
    ProviderTimeout,
    SecretNotFound,
    TyrumError,
)
from langchain_tyrum.providers import EnvProvider, MemoryProvider

VALUE = "kq7-real-value-0001"
SURROGATE = "kq7-real-value-\ud800"
ALLOW = SecretPolicy(allow=["*"])


class Custom(ProviderTimeout):
    """A subclass with a constructor and a cargo of its own."""

    def __init__(self, value):
        super().__init__(f"no answer for {value}", provider="memory", handle=value)
        self.answer = value


class Talkative(MemoryProvider):
    """Fails, and tells the value that it was asked for or given."""

    def __init__(self) -> None:
        super().__init__()
        self.fail = None

    def get(self, name, *, version=None):
        value = super().get(name, version=version)
        self._fail(value)
        return value

    def put(self, name, value, *, version=None):
        self._fail(value)
        super().put(name, value, version=version)

    def delete(self, name, *, version=None):
        self._fail(VALUE)
        super().delete(name, version=version)

    def _fail(self, value):
        if self.fail is None:
            return
        try:
            raise ValueError(f"cannot parse {value!r}")
        except ValueError as error:
            raise self.fail(value) from error


@pytest.fixture
def talkative() -> Talkative:
    return Talkative()


@pytest.fixture
def broker(talkative):
    made = SecretBroker(
        providers={"memory": talkative}, catalog="sqlite://", policy=ALLOW
    )
    made.put("x", VALUE)
    made.rotate("x", "kq7-real-value-0002")
    return made


def _lease(broker):
    with broker.lease("x", tool_id="t") as value:
        value.reveal()


ASKED = {
    "lease": _lease,
    "arm": lambda broker: broker.arm(),
    "rotate": lambda broker: broker.rotate("x", "kq7-real-value-0003"),
    "put": lambda broker: broker.put("y", "kq7-real-value-0004"),
    "purge": lambda broker: broker.purge("x"),
}
KINDS = {
    "foreign": lambda value: RuntimeError(f"bad answer: {value!r}"),
    "ours": lambda value: ProviderError(f"HTTP 500: {value}", provider="memory"),
    "custom": Custom,
}


class TestFailures:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("asked", ASKED)
    def test_no_value_in_an_error(self, broker, talkative, asked, kind):
        """No failure of a provider tells the value, in text, cause or context."""
        talkative.fail = KINDS[kind]
        with pytest.raises(ProviderError) as caught:
            ASKED[asked](broker)
        error = caught.value
        assert "kq7" not in f"{error} {error.args} {vars(error)}"
        assert (None, None) == (error.__cause__, error.__context__)

    def test_the_class_of_a_stranger_is_told(self, broker, talkative):
        """A foreign exception is told by its class, and by its provider."""
        talkative.fail = KINDS["foreign"]
        with pytest.raises(ProviderError, match="RuntimeError") as caught:
            broker.rotate("x", "kq7-real-value-0003")
        assert caught.value.provider == "memory"

    def test_the_kind_stays(self, broker, talkative):
        """An error of this package keeps its kind and what it says besides."""
        talkative.fail = Custom
        with pytest.raises(ProviderTimeout, match=r"no answer for \[REDACTED") as told:
            _lease(broker)
        assert told.value.provider == "memory"

    def test_missing_stays_missing(self, broker):
        """A version that is not there is SecretNotFound and names the secret."""
        with pytest.raises(SecretNotFound, match="has no version 9") as caught:
            Store(broker._core, "memory").get("nowhere", version=9)
        assert caught.value.handle == "nowhere"

    def test_verify_goes_on(self, broker, talkative):
        """One provider that fails is one problem of verify, not its end."""
        broker.put("y", "kq7-real-value-0004")
        talkative.fail = KINDS["foreign"]
        problems = broker.verify()
        assert {"x", "y"} == {problem.name for problem in problems}
        assert "kq7" not in str([str(problem) for problem in problems])

    def test_answers_of_other_types(self, broker, talkative, monkeypatch):
        """An answer that is no value is refused without being repeated."""
        for answer in (None, 12345678, SURROGATE):
            monkeypatch.setattr(Talkative, "get", lambda *_, a=answer, **__: a)
            with pytest.raises(ProviderError, match="neither text") as caught:
                _lease(broker)
            assert "kq7" not in str(caught.value)
            assert "12345678" not in str(caught.value)


class TestNoText:
    @pytest.mark.parametrize("change", ["put", "rotate", "reauthorize"])
    def test_lone_surrogates(self, broker, change):
        """Text that no encoding can write is refused and not repeated."""
        with pytest.raises(ConfigError, match="lone surrogates") as caught:
            getattr(broker, change)("x", SURROGATE)
        assert caught.value.__context__ is None
        assert "kq7" not in str(caught.value)
        assert 2 == broker.describe("x").version

    def test_bytes_that_are_no_text(self, broker):
        """Revealing them as text names the way, and no error holds them."""
        raw = b"kq7-real-value-\xff\xfe"
        broker.put("bin", raw)
        with broker.lease("bin", tool_id="t") as value:
            with pytest.raises(ConfigError, match="reveal_bytes") as caught:
                value.reveal()
            assert raw == value.reveal_bytes()
        assert caught.value.__context__ is None
        assert isinstance(caught.value, TyrumError)

    def test_variable_that_is_no_utf8(self, monkeypatch):
        """A variable with other bytes is leased as these, and redacted."""
        raw = b"kq7-real-value-\xff"
        monkeypatch.setenv("TOKEN", raw.decode(errors="surrogateescape"))
        broker = SecretBroker(
            providers={"env": EnvProvider()}, catalog="sqlite://", policy=ALLOW
        )
        broker.declare("t", provider="env", ref="TOKEN")
        assert b"[REDACTED:t]" == broker.redactor.redact_bytes(raw)
        with broker.lease("t", tool_id="t") as value:
            assert raw == value.reveal_bytes()
