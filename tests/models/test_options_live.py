"""What a provider is given to work with is what its caller gave."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from langchain_core.messages import HumanMessage

from langchain_tyrum.models import guard_model


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
