"""`wrap_tool` and `wrap_tools`: tools that somebody else wrote."""

import warnings
from typing import Any

import pytest
from langchain_core.tools import BaseTool, StructuredTool, Tool, tool
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.v1 import BaseModel as BaseModelV1

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.tools import (
    ArgumentRefused,
    SecretParameterWarning,
    secret_tool,
    wrap_tool,
    wrap_tools,
)


def search_function(heard):
    def search(query: str, api_key: str, limit: int = 3) -> str:
        """Search the web."""
        heard.hear(api_key)
        return f"{limit} hits for {query} with {api_key}"

    return search


def structured(heard):
    return StructuredTool.from_function(search_function(heard))


class SearchInput(BaseModel):
    """Search the web."""

    model_config = ConfigDict(extra="forbid")
    query: str
    api_key: SecretStr
    limit: int = 3


def explicit(heard):
    def search(query: str, api_key: SecretStr, limit: int) -> str:
        """Search the web."""
        return search_function(heard)(query, api_key.get_secret_value(), limit)

    return StructuredTool.from_function(search, args_schema=SearchInput)


class SearchV1(BaseModelV1):
    query: str
    api_key: str
    limit: int = 3


def explicit_v1(heard):
    return StructuredTool.from_function(
        search_function(heard), args_schema=SearchV1, name="search"
    )


def json_schema(heard):
    schema = {
        "type": "object",
        "properties": {
            "query": {"type": "string"},
            "api_key": {"type": "string"},
            "limit": {"type": "integer"},
        },
        "required": ["query", "api_key"],
    }

    async def call_tool(runtime: Any = None, **arguments: Any) -> tuple[str, None]:
        return search_function(heard)(**arguments), None

    def call_tool_sync(runtime: Any = None, **arguments: Any) -> tuple[str, None]:
        return search_function(heard)(**arguments), None

    return StructuredTool(
        name="search",
        description="Search the web.",
        args_schema=schema,
        func=call_tool_sync,
        coroutine=call_tool,
        response_format="content_and_artifact",
    )


class OwnTool(BaseTool):
    name: str = "search"
    description: str = "Search the web."
    _heard: Any = None

    def _run(self, query: str, api_key: str, limit: int = 3, run_manager=None) -> str:
        assert run_manager is not None
        return search_function(self._heard)(query, api_key, limit)


def own_class(heard):
    made = OwnTool()
    made._heard = heard
    return made


KINDS = [structured, explicit, explicit_v1, json_schema, own_class]


class TestExistingTools:
    @pytest.mark.parametrize("make", KINDS)
    async def test_the_argument_is_taken_over(
        self, broker, canary, heard, make, tool_call
    ):
        """The schema loses it, the code gets the value, the result shows a marker."""
        wrapped = wrap_tool(make(heard), broker, secrets={"api_key": "github/token"})

        assert ["query", "limit"] == list(wrapped.args)
        for given in (
            {"query": "tea", "limit": 3},
            tool_call("search", query="tea", limit=3),
        ):
            for told in (wrapped.invoke(given), await wrapped.ainvoke(given)):
                text = getattr(told, "content", told)
                assert "3 hits for tea with [REDACTED:github/token]" == text
        assert heard == [canary] * 4

    @pytest.mark.parametrize("make", KINDS)
    async def test_forged_values_are_refused(self, broker, heard, make, tool_call):
        """The taken-over argument cannot be filled by a call."""
        wrapped = wrap_tool(make(heard), broker, secrets={"api_key": "github/token"})
        given = {"query": "tea", "limit": 3, "api_key": "forged"}
        for asked in (given, tool_call("search", **given)):
            with pytest.raises(ArgumentRefused):
                wrapped.invoke(asked)
            with pytest.raises(ArgumentRefused):
                await wrapped.ainvoke(asked)
        assert [] == heard.digests

    @pytest.mark.parametrize("make", KINDS)
    async def test_it_works_in_a_tool_node(
        self, broker, canary, heard, make, compile_tools, asking, tool_call
    ):
        """ToolNode injects and calls it like the tool it wraps."""
        wrapped = wrap_tool(make(heard), broker, secrets={"api_key": "github/token"})
        graph = compile_tools([wrapped])
        given = asking(tool_call("search", query="tea", limit=2))
        for out in (graph.invoke(given), await graph.ainvoke(given)):
            assert out["messages"][-1].content.startswith("2 hits for tea")
        assert heard == [canary] * 2

    def test_what_langchain_knows_of_it_is_kept(self, broker, heard):
        """Name, tags, metadata, formats and error handling stay; so does the given."""
        plain = structured(heard)
        plain.tags, plain.metadata = ["web"], {"team": "a"}
        plain.handle_tool_error, plain.return_direct = "failed", True
        wrapped = wrap_tool(plain, broker, {"api_key": "github/token"}, tool_id="web")

        assert ("search", "Search the web.") == (wrapped.name, wrapped.description)
        assert (["web"], {"team": "a"}) == (wrapped.tags, wrapped.metadata)
        assert "failed" == wrapped.handle_tool_error
        assert wrapped.return_direct
        assert "web" == wrapped.tool_id
        assert ["query", "api_key", "limit"] == list(plain.args)

    def test_own_callbacks_of_the_tool_see_no_value(self, broker, canary, heard):
        """Handlers that the tool carries get model arguments and redacted output."""
        from langchain_core.callbacks import BaseCallbackHandler

        told = []

        class Handler(BaseCallbackHandler):
            def on_tool_start(self, *args, **kwargs):
                told.append(repr((args, kwargs)))

            def on_tool_end(self, *args, **kwargs):
                told.append(repr((args, kwargs)))

        plain = structured(heard)
        plain.callbacks, plain.verbose = [Handler()], True
        wrap_tool(plain, broker, {"api_key": "github/token"}).invoke({"query": "tea"})

        assert 2 == len(told)
        assert canary not in "".join(told)
        assert "[REDACTED:github/token]" in told[1]

    def test_a_missing_argument_is_named(self, broker, heard):
        """The error lists what the tool has."""
        with pytest.raises(ConfigError, match="api_key, limit, query"):
            wrap_tool(structured(heard), broker, secrets={"token": "github/token"})

    def test_wrapping_twice_adds_bindings(self, make_broker, heard):
        """A second wrap binds one more argument of the same tool."""
        broker = make_broker({"a": "first-quiet-value", "b": "second-quiet-value"})

        @tool
        def join(left: str, right: str) -> str:
            """Join."""
            heard.hear(left)
            heard.hear(right)
            return "ok"

        once = wrap_tool(join, broker, {"left": "a"})
        twice = wrap_tool(once, broker, {"right": "b"})

        assert "ok" == twice.invoke({})
        assert ["right"] == list(once.args)
        assert heard == ["first-quiet-value", "second-quiet-value"]
        with pytest.raises(ConfigError, match="wired already"):
            wrap_tool(
                once, make_broker({"b": "third-quiet-value-3991"}), {"right": "b"}
            )


class TestMcpTools:
    async def test_the_runtime_that_adapters_ask_for_arrives(
        self, broker, canary, heard, compile_tools, asking, tool_call
    ):
        """A parameter named `runtime` beside a JSON schema is still injected."""
        seen = []
        plain = json_schema(heard)

        async def call_tool(runtime: Any = None, **arguments: Any) -> tuple[str, None]:
            seen.append(runtime)
            return search_function(heard)(**arguments), None

        plain.coroutine = call_tool
        wrapped = wrap_tool(plain, broker, secrets={"api_key": "github/token"})
        graph = compile_tools([wrapped])
        await graph.ainvoke(asking(tool_call("search", query="tea")))

        assert ["c1"] == [runtime.tool_call_id for runtime in seen]
        assert [] == seen[0].config["callbacks"]
        assert heard == [canary]


class TestFactories:
    async def test_the_tool_is_made_inside_the_lease(
        self, broker, canary, heard, compile_tools, asking, tool_call
    ):
        """Each call makes a tool with the value, and nothing of it stays."""

        class Search(BaseTool):
            name: str = "search"
            description: str = "Search."
            api_key: SecretStr

            def _run(self, query: str) -> str:
                value = self.api_key.get_secret_value()
                heard.hear(value)
                return f"{query} {value}"

        for factory in (Search, lambda api_key: Search(api_key=api_key)):
            wrapped = wrap_tool(factory, broker, secrets={"api_key": "github/token"})
            assert ["query"] == list(wrapped.args)
            assert "tea [REDACTED:github/token]" == wrapped.invoke({"query": "tea"})
            graph = compile_tools([wrapped])
            given = asking(tool_call("search", query="tea"))
            out = await graph.ainvoke(given)
            assert "tea [REDACTED:github/token]" == out["messages"][-1].content
            assert canary not in repr(wrapped.wiring.inner.tool)
        assert heard == [canary] * 4

    async def test_single_input_tools_are_called_with_their_text(
        self, broker, canary, heard
    ):
        """A factory of the old `Tool` kind gets its one string."""

        def make(api_key):
            def search(query):
                heard.hear(api_key)
                return f"found {query}"

            return Tool(name="search", description="Search.", func=search)

        wrapped = wrap_tool(make, broker, secrets={"api_key": "github/token"})
        assert "found tea" == wrapped.invoke("tea")
        assert "found tea" == await wrapped.ainvoke({"tool_input": "tea"})
        assert heard == [canary] * 2

    def test_a_factory_that_needs_a_real_value_takes_an_example(
        self, broker, canary, heard
    ):
        """`like=` shows name and schema, so no placeholder is needed."""

        def make(api_key):
            if "placeholder" in api_key:
                raise ValueError(f"bad key {api_key}")
            made = structured(heard)
            return wrap_plain(made, api_key)

        def wrap_plain(made, api_key):
            return StructuredTool.from_function(
                lambda query: made.func(query, api_key),
                name="search",
                description="Search.",
            )

        with pytest.raises(ConfigError, match="like="):
            wrap_tool(make, broker, secrets={"api_key": "github/token"})
        example = wrap_plain(structured(heard), "")
        wrapped = wrap_tool(
            make, broker, secrets={"api_key": "github/token"}, like=example
        )
        assert "3 hits for tea" in wrapped.invoke({"query": "tea"})
        assert heard == [canary]

    def test_an_error_while_making_tells_no_value(self, broker, canary):
        """What the factory raises inside the lease is redacted like the tool's own."""

        def make(api_key):
            if "placeholder" not in api_key:
                raise ValueError(f"cannot use {api_key}")
            return Tool(name="search", description="Search.", func=lambda query: query)

        wrapped = wrap_tool(make, broker, secrets={"api_key": "github/token"})
        with pytest.raises(ValueError, match="cannot use") as caught:
            wrapped.invoke("tea")
        assert canary not in str(caught.value)

    def test_a_factory_of_something_else_is_refused(self, broker):
        """Plain and async functions are pointed to @secret_tool."""

        async def make(api_key):
            return None

        for wrong in (lambda api_key: "text", make):
            with pytest.raises(ConfigError, match="@secret_tool"):
                wrap_tool(wrong, broker, secrets={"api_key": "github/token"})
        with pytest.raises(ConfigError, match="is no tool"):
            wrap_tool("search", broker, secrets={"api_key": "github/token"})


@pytest.fixture
def toolbox(heard):
    @tool
    def create_issue(title: str, token: str) -> str:
        """Open."""
        heard.hear(token)
        return title

    @tool
    def create_label(title: str, token: str) -> str:
        """Label."""
        heard.hear(token)
        return title

    @tool
    def read_time(zone: str) -> str:
        """Tell the time."""
        return zone

    return [create_issue, read_time, create_label]


class TestSeveralTools:
    def test_patterns_choose_tools(self, broker, canary, heard, toolbox):
        """Matching tools are wrapped, others pass as they are, in order."""
        wrapped = wrap_tools(toolbox, broker, {"create_*": {"token": "github/token"}})

        assert ["create_issue", "read_time", "create_label"] == [
            made.name for made in wrapped
        ]
        assert toolbox[1] is wrapped[1]
        assert "x" == wrapped[0].invoke({"title": "x"})
        assert "x" == wrapped[2].invoke({"title": "x"})
        assert heard == [canary] * 2

    def test_a_pattern_that_matches_nothing_is_an_error(self, broker, toolbox):
        """A typo does not silently leave a tool unguarded."""
        with pytest.raises(ConfigError, match=r"'delete_\*' matches no tool"):
            wrap_tools(
                toolbox,
                broker,
                {
                    "create_*": {"token": "github/token"},
                    "delete_*": {"token": "github/token"},
                },
            )

    def test_patterns_that_disagree_are_an_error(self, broker, toolbox):
        """One argument cannot take two secrets."""
        with pytest.raises(ConfigError, match="bound twice"):
            wrap_tools(
                toolbox,
                broker,
                {
                    "create_*": {"token": "github/token"},
                    "create_issue": {"token": "other/token"},
                },
            )

    def test_names_are_case_sensitive(self, broker, toolbox):
        """`Create_*` is another name than `create_*`."""
        with pytest.raises(ConfigError, match="matches no tool"):
            wrap_tools(toolbox, broker, {"Create_*": {"token": "github/token"}})


class TestWarnings:
    @pytest.mark.parametrize(
        "name", ["token", "api_key", "apiKey", "db_password", "client_secret", "pwd"]
    )
    def test_unbound_credentials_draw_a_warning(self, broker, name):
        """A parameter named like a credential is named, with the line that binds it."""
        namespace = {}
        exec(
            f"def use({name}: str, other: str) -> str:\n    'Use.'\n    return other",
            namespace,
        )
        with pytest.warns(SecretParameterWarning, match=name) as caught:
            secret_tool(broker, other="github/token")(namespace["use"])
        assert __file__ == caught[0].filename

    def test_wrapped_tools_are_checked_too(self, broker, heard, toolbox):
        """wrap_tool and the tools that wrap_tools passes on draw it as well."""
        with pytest.warns(SecretParameterWarning, match="api_key"):
            wrap_tool(structured(heard), broker, secrets={"query": "github/token"})
        with pytest.warns(SecretParameterWarning, match="create_label"):
            wrap_tools(toolbox, broker, {"create_issue": {"token": "github/token"}})

    def test_a_template_named_like_one_draws_none(self, broker):
        """A parameter in which handles are resolved is meant for credentials."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")

            @secret_tool(broker, templates=("authorization",))
            def use(authorization: str) -> str:
                """Use."""
                return "ok"

    @pytest.mark.parametrize(
        "name",
        ["max_tokens", "page_token", "next_page_token", "token_count", "keyboard"],
    )
    def test_harmless_names_draw_none(self, broker, name):
        """Counting and paging tokens are no credentials."""
        namespace = {}
        exec(
            f"def use({name}: str, token: str) -> str:\n    'Use.'\n    return 'x'",
            namespace,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            secret_tool(broker, token="github/token")(namespace["use"])
