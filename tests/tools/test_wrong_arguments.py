"""Arguments of a wrong kind in the doors to tools, refused with the mend."""

import pytest
from langchain_core.tools import tool

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.tools import UserSecret, secret_tool, wrap_tool, wrap_tools

SECRETS = {"token": "github/token"}


@tool
def create(title: str, token: str) -> str:
    """Open an issue."""
    return title + token


def plain(title: str, *, token: str) -> str:
    """Open an issue."""
    return title + token


class TestWrapTool:
    @pytest.mark.parametrize("wrong", [None, "broker", SECRETS], ids=repr)
    def test_the_broker_comes_second(self, broker, wrong):
        """Also in the place of several tools' broker."""
        assert broker.describe("github/token")
        with pytest.raises(ConfigError, match=r"wrap_tool\(tool, broker"):
            wrap_tool(create, wrong, SECRETS)
        with pytest.raises(ConfigError, match=r"wrap_tool\(tool, broker"):
            wrap_tools([create], wrong, {"create": SECRETS})

    @pytest.mark.parametrize("wrong", [None, "token", ["token"]], ids=repr)
    def test_secrets_are_a_table(self, broker, wrong):
        """Of a tool, of a factory, and of a tool that has some already."""
        for given in (create, lambda token: create, wrap_tool(create, broker, SECRETS)):
            with pytest.raises(ConfigError, match=r"secrets=\{'token'"):
                wrap_tool(given, broker, wrong)

    @pytest.mark.parametrize("wrong", ["", 5], ids=repr)
    def test_a_tool_id_is_a_name(self, broker, wrong):
        """None stands for the tool's own; nothing else but text does."""
        with pytest.raises(ConfigError, match="the tool id"):
            wrap_tool(create, broker, SECRETS, tool_id=wrong)
        with pytest.raises(ConfigError, match="the tool id"):
            secret_tool(broker, tool_id=wrong, **SECRETS)(plain)


class TestWrapTools:
    @pytest.mark.parametrize(
        "wrong", [None, "create", {"create": "github/token"}, SECRETS], ids=repr
    )
    def test_tables_stand_by_tool(self, broker, wrong):
        """A flat table does not say whose argument it is."""
        with pytest.raises(ConfigError, match=r"\{'create_\*': \{'token'"):
            wrap_tools([create], broker, wrong)

    @pytest.mark.parametrize(
        "wrong",
        [None, create, [plain], "create"],
        ids=["None", "tool", "function", "name"],
    )
    def test_tools_are_a_list_of_tools(self, broker, wrong):
        """A single tool is told by the door for one."""
        with pytest.raises(ConfigError, match=r"wrap_tools\(\[tool\], broker"):
            wrap_tools(wrong, broker, {"create": SECRETS})


class TestUserSecrets:
    @pytest.mark.parametrize("wrong", ["", 5, None], ids=repr)
    def test_it_has_a_name(self, wrong):
        """It could be found in nobody's side-store."""
        with pytest.raises(ConfigError, match=r"UserSecret\('password'\)"):
            UserSecret(wrong)


class TestNoSecretAtAll:
    def test_a_tool_that_injects_nothing(self, broker):
        """Choosing by reference needs no binding; a tool of neither is fine too."""

        @secret_tool(broker)
        def nothing(title: str) -> str:
            """Say it."""
            return title

        assert "x" == nothing.invoke({"title": "x"})
