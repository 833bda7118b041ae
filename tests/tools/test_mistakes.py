"""The wrong door for a tool or a function: the right one is named."""

import pytest
from langchain_core.tools import tool

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.tools import secret_tool, wrap_tool


@tool
def plain(title: str, token: str) -> str:
    """Open an issue."""
    return title + token


@tool
def bare(title: str) -> str:
    """Open an issue."""
    return title


class TestSecretToolOverATool:
    def test_wrap_tool_is_named(self, broker):
        """A tool, with secrets or without, is wrapped and not decorated."""
        decorate = secret_tool(broker, token="github/token")
        for given in (plain, wrap_tool(plain, broker, {"token": "github/token"})):
            with pytest.raises(ConfigError, match=r"'plain'.*use wrap_tool"):
                decorate(given)

    def test_what_cannot_be_called_is_refused(self, broker):
        """Neither a text nor None is a function."""
        for given in (None, "title"):
            with pytest.raises(ConfigError, match="decorates a function"):
                secret_tool(broker, token="github/token")(given)


class TestWrapToolOverAFunction:
    def test_secret_tool_is_named_before_anything_runs(self, broker):
        """A function with arguments of its own is no factory, and is not called."""
        ran = []

        def create_issue(title: str, *, token: str) -> str:
            ran.append(title)
            return token

        for like in (None, plain):
            with pytest.raises(ConfigError, match=r"'title'.*use secret_tool"):
                wrap_tool(create_issue, broker, {"token": "github/token"}, like=like)
        assert [] == ran

    def test_it_is_named_when_only_the_call_tells(self, broker):
        """A function of the secret alone is called with a placeholder, and told of."""

        def whoami(token: str) -> str:
            raise OSError

        def name(token: str) -> str:
            return "x"

        for function in (whoami, name):
            with pytest.raises(ConfigError, match="secret_tool"):
                wrap_tool(function, broker, {"token": "github/token"})

    def test_factories_with_defaults_are_taken(self, broker):
        """Parameters with defaults, and classes, may stand beside the secrets."""

        def make(token: str, size: int = 3, *rest: int, **more: int):
            return bare

        made = wrap_tool(make, broker, {"token": "github/token"})
        assert "bare" == made.name
