"""What is no callback handler is told where it is wrapped."""

from __future__ import annotations

import pytest
from langchain_core.callbacks import BaseCallbackHandler, StdOutCallbackHandler

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.traces import RedactingCallbackHandler
from langchain_tyrum.traces.callbacks import guard_callbacks


class TestWrongHandlers:
    @pytest.mark.parametrize("inner", ["x", object(), 5, [StdOutCallbackHandler()]])
    def test_what_is_no_handler_is_an_error(self, inner):
        """An object of another class is named, and what belongs in its place."""
        kind = type(inner).__name__
        with pytest.raises(ConfigError, match=f"{kind!r} is no callback handler: pass"):
            RedactingCallbackHandler(inner, Redactor())

    def test_a_class_is_an_error(self):
        """A handler's class in place of a handler is told for what it is."""
        with pytest.raises(ConfigError, match="the class 'BaseCallbackHandler' is no"):
            RedactingCallbackHandler(BaseCallbackHandler, Redactor())

    @pytest.mark.parametrize("given", [(), (None,), (StdOutCallbackHandler(), None)])
    def test_without_a_redactor_it_is_an_error(self, given):
        """A handler that nobody redacts for says where a redactor comes from."""
        with pytest.raises(ConfigError, match=r"broker\.redactor"):
            RedactingCallbackHandler(*given)

    def test_callbacks_of_a_call_are_looked_at_alike(self):
        """A list of callbacks with something else in it is refused as a whole."""
        with pytest.raises(ConfigError, match="is no callback handler"):
            guard_callbacks([StdOutCallbackHandler(), "x"], Redactor())
