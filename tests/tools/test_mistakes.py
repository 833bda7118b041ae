"""The wrong door for a tool or a function: the right one is named."""

import inspect

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


def create_issue(title: str, *, token: str) -> str:
    """Open an issue."""
    return title + token


class TestSecretToolCalledWrongly:
    def test_without_the_broker(self, broker):
        """Bare, called empty, or with bindings alone: the whole line is told."""
        for wrong in (
            lambda: secret_tool(create_issue),
            secret_tool,
            lambda: secret_tool(token="github/token"),
            lambda: secret_tool(None, token="github/token"),
            lambda: secret_tool(broker.redactor, token="github/token"),
        ):
            with pytest.raises(ConfigError, match=r"@secret_tool\(broker, token="):
                wrong()

    def test_the_function_beside_the_broker(self, broker):
        """It comes afterwards; a decorator that nobody calls would be no tool."""
        with pytest.raises(ConfigError, match="function comes afterwards"):
            secret_tool(broker, create_issue, token="github/token")

    def test_bindings_in_the_wrong_place(self, broker):
        """A table as the name, a text or list as the table: the right form is told."""
        for wrong, told in (
            (lambda: secret_tool(broker, {"token": "github/token"}), "secrets={"),
            (lambda: secret_tool(broker, secrets="github/token"), "parameter first"),
            (lambda: secret_tool(broker, secrets=["github/token"]), "parameter first"),
        ):
            with pytest.raises(ConfigError, match=told):
                wrong()

    def test_a_secret_in_the_place_of_the_name(self, broker):
        """Where nothing is bound, what stands first is told to be the tool's name."""
        with pytest.raises(ConfigError, match=r"token='github/token'"):
            secret_tool(broker, "github/token")(create_issue)
        made = secret_tool(broker, "gh/issue", token="github/token")
        assert "gh/issue" == made(create_issue).name

    def test_a_parameter_that_is_not_there(self, broker):
        """The parameters that there are stand beside it."""
        with pytest.raises(ConfigError, match=r"no parameter 'tokn': .*title, token"):
            secret_tool(broker, tokn="github/token")(create_issue)

    def test_its_signature_is_its_own(self):
        """Editors and type checkers see the arguments, the broker first."""
        parameters = list(inspect.signature(secret_tool).parameters)
        assert ["broker", "name", "description"] == parameters[:3]


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
