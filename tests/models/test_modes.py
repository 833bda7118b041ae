"""The modes of `guard_model`: a misspelled one is an error, `observe` keeps shapes."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from langchain_tyrum.errors import ConfigError, RawSecretFound
from langchain_tyrum.models import guard_messages, guard_model, guard_result
from langchain_tyrum.redaction import Redactor

PAT = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"


@pytest.fixture
def value(canary):
    return canary()


@pytest.fixture
def redactor(value):
    made = Redactor()
    made.register("key", value)
    return made


def model_of(*answers):
    return GenericFakeChatModel(messages=iter(map(AIMessage, answers)))


@pytest.mark.parametrize("mode", ["refuze", "nope", "", None])
def test_an_unknown_mode_is_an_error_at_build(redactor, mode):
    """A misspelled `refuse` never makes a model that redacts instead."""
    with pytest.raises(ConfigError, match="'redact', 'refuse' or 'observe'"):
        guard_model(model_of("x"), redactor, mode=mode)


def test_an_unknown_mode_is_an_error_for_bound_models(redactor):
    """So it is where arguments are bound to the model."""
    with pytest.raises(ConfigError, match="mode='refuze'"):
        guard_model(model_of("x").bind(stop=["x"]), redactor, mode="refuze")


@pytest.mark.parametrize("guard", [guard_messages, guard_result])
class TestHelpers:
    def test_an_unknown_mode_is_an_error(self, redactor, guard):
        """The helpers, too, never redact where they should have refused."""
        with pytest.raises(ConfigError, match="mode='refuze'"):
            guard([AIMessage("x")], redactor, mode="refuze")

    def test_observe_lets_shapes_pass_alone(self, redactor, value, guard):
        """Mode `observe` keeps shapes and hides registered values."""
        (shown,) = guard([AIMessage(f"{value} {PAT}")], redactor, mode="observe")
        assert f"[REDACTED:key] {PAT}" == shown.content


class TestObserve:
    @pytest.mark.parametrize("way", ["sync", "async"])
    def test_shapes_pass_and_values_do_not(self, redactor, value, way):
        """Both ways, what nobody registered passes and what is registered does not."""
        seen = []

        class Noting(GenericFakeChatModel):
            def _generate(self, messages, *args, **kwargs):
                seen.extend(messages)
                return super()._generate(messages, *args, **kwargs)

        model = Noting(messages=iter([AIMessage(f"{value} {PAT}")]))
        guarded = guard_model(model, redactor, mode="observe")
        given = f"{PAT} {value}"
        if way == "sync":
            answer = guarded.invoke(given)
        else:
            answer = asyncio.run(guarded.ainvoke(given))
        assert f"[REDACTED:key] {PAT}" == answer.content
        assert [f"{PAT} [REDACTED:key]"] == [message.content for message in seen]

    def test_streams_are_observed_alike(self, redactor, value):
        """Tokens keep a shape and lose a registered value."""
        guarded = guard_model(model_of(f"{value} {PAT} x"), redactor, mode="observe")
        text = "".join(chunk.content for chunk in guarded.stream("go"))
        assert f"[REDACTED:key] {PAT} x" == text

    def test_guarding_again_is_a_no_op(self, redactor):
        """The same redactor in the same mode guards a model once."""
        guarded = guard_model(model_of("x"), redactor, mode="observe")
        assert guarded is guard_model(guarded, redactor, mode="observe")

    def test_the_other_modes_keep_their_meaning(self, redactor, value):
        """Observing once changes nothing for guards of the same redactor."""
        guard_model(model_of("x"), redactor, mode="observe")
        plain = guard_model(model_of(f"{PAT}"), redactor)
        assert "[REDACTED:github-pat]" == plain.invoke("x").content
        with pytest.raises(RawSecretFound):
            guard_model(model_of("x"), redactor, mode="refuse").invoke(PAT)
