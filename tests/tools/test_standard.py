"""LangChain's own tests of tools, passed by every kind of secret tool."""

from langchain_core.tools import StructuredTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.tools import secret_tool, wrap_tool

BROKER = SecretBroker.in_memory(
    {"github/token": "quiet-otter-7713-lamp-rail"}, policy=SecretPolicy(allow=["*"])
)


def create_issue(title: str, *, token: str) -> str:
    """Open an issue."""
    return f"opened {title} with {token}"


def with_artifact(title: str, *, token: str) -> tuple[str, dict]:
    """Open an issue."""
    return f"opened {title}", {"token": token}


EXAMPLE = {"title": "leaky faucet"}


class Decorated:
    tool_invoke_params_example = EXAMPLE
    tool_constructor = secret_tool(BROKER, token="github/token")(create_issue)


class WithArtifact:
    tool_invoke_params_example = EXAMPLE
    tool_constructor = secret_tool(
        BROKER, response_format="content_and_artifact", token="github/token"
    )(with_artifact)


class Wrapped:
    tool_invoke_params_example = EXAMPLE
    tool_constructor = wrap_tool(
        StructuredTool.from_function(create_issue), BROKER, {"token": "github/token"}
    )


class TestDecoratedUnit(Decorated, ToolsUnitTests):
    """Schema and name of a decorated tool."""


class TestDecoratedIntegration(Decorated, ToolsIntegrationTests):
    """Calls of a decorated tool."""


class TestWithArtifactUnit(WithArtifact, ToolsUnitTests):
    """Schema and name of a tool with artifacts."""


class TestWithArtifactIntegration(WithArtifact, ToolsIntegrationTests):
    """Calls of a tool with artifacts."""


class TestWrappedUnit(Wrapped, ToolsUnitTests):
    """Schema and name of a wrapped tool."""


class TestWrappedIntegration(Wrapped, ToolsIntegrationTests):
    """Calls of a wrapped tool."""
