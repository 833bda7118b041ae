"""What a provider is given to work with is what its caller gave."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.models import guard_model
from langchain_tyrum.models.messages import guard_options


class Headers(OrderedDict):
    """Written in words of its own, as those of HTTP clients are."""

    def __repr__(self) -> str:
        return "<headers>"


class Names(list):
    def __repr__(self) -> str:
        return "<names>"


class TestOptions:
    @pytest.mark.parametrize("how", ["invoke", "ainvoke"])
    async def test_clean_data_stays_the_given_object(self, how, model, redactor):
        """Headers and tools of somebody's own class arrive as they are."""
        headers, tool, stop = Headers(a="1", b="2"), Headers(name="t"), Names(["x"])
        guarded = guard_model(model("ok"), redactor)
        options = {"headers": headers, "tools": [tool], "names": stop}
        if how == "invoke":
            guarded.invoke("q", **options)
        else:
            await guarded.ainvoke("q", **options)
        given = guarded.asked[0][1]

        assert headers is given["headers"]
        assert tool is given["tools"][0]
        assert stop is given["names"]
        assert {"a": "1", "b": "2"} == dict(given["headers"])

    def test_bound_options_too(self, model, redactor):
        """Those that are bound are looked at when they are bound."""
        headers = Headers(a="1")
        guarded = guard_model(model("ok").bind(headers=headers), redactor)
        guarded.invoke("q")

        assert headers is guarded.bound.asked[0][1]["headers"]

    def test_a_value_is_taken_out(self, model, redactor, value):
        """What holds one is another object, without it and with the rest."""
        headers = Headers(a="1", key=value)
        guarded = guard_model(model("ok"), redactor)
        guarded.invoke("q", headers=headers)
        given = guarded.asked[0][1]["headers"]

        assert ["a", "key"] == list(given)
        assert "1" == given["a"]
        assert value not in given["key"]
        assert value == headers["key"]

    def test_each_one_is_refused(self, model, redactor, value):
        """Nothing is sent, whichever of them holds the value."""
        guarded = guard_model(model("ok"), redactor, mode="refuse")

        for options in ({"stop": [value], "user": "ann"}, {"user": value}):
            with pytest.raises(RawSecretFound):
                guarded.invoke("q", **options)
        assert [] == guarded.asked

    def test_shapes_pass_where_they_are_observed(self, redactor, value, shape):
        """Registered values get their markers all the same."""
        given = {"user": shape, "stop": [value], "config": value}
        clean = guard_options(given, redactor, mode="observe", but={"config"})

        assert {**given, "stop": ["[REDACTED:api/key]"]} == clean

    def test_one_that_denies_to_hold_anything_is_looked_at(self, redactor, value):
        """Only what is empty by its own class is."""

        class Denying(str):
            __slots__ = ()

            def __bool__(self) -> bool:
                return False

        clean = guard_options({"user": Denying(value), "stop": []}, redactor)

        assert {"user": "[REDACTED:api/key]", "stop": []} == clean


class TestMessages:
    def test_a_provider_gets_blocks_that_it_can_use(self, model, redactor):
        """Blocks of somebody's own class hold what they held, and say it too."""
        block = Headers(type="text", text="hi")
        guarded = guard_model(model("ok"), redactor)
        message = HumanMessage("q", additional_kwargs={"blocks": [block]})
        guarded.invoke([message])
        given = guarded.asked[0][0][0].additional_kwargs["blocks"][0]

        assert {"type": "text", "text": "hi"} == dict(given)
        assert isinstance(given, Headers)

    @pytest.mark.parametrize("how", ["stream", "astream"])
    async def test_handlers_of_a_stream_are_told_no_value(
        self, how, model, redactor, value
    ):
        """They are told the input before the provider gets it."""
        told = []

        class Handler(BaseCallbackHandler):
            def on_chat_model_start(self, serialized, messages, **kwargs):
                told.append(messages[0][0].content)

        guarded = guard_model(model("ok"), redactor)
        config = {"callbacks": [Handler()]}
        if how == "stream":
            list(guarded.stream(f"say {value}", config))
        else:
            [each async for each in guarded.astream(f"say {value}", config)]

        assert ["say [REDACTED:api/key]"] == told
