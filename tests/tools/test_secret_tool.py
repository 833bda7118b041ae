"""`secret_tool`: schema, values, forged arguments, copies."""

import copy
import json
import pickle
from typing import Annotated

import pytest
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import (
    AliasChoices,
    BaseModel,
    Field,
    SecretBytes,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from langchain_tyrum.approval import SecretBound
from langchain_tyrum.errors import (
    ConfigError,
    LeaseExpired,
    SecretForbidden,
    SecretNotFound,
    SecretRevoked,
    TyrumError,
)
from langchain_tyrum.handles import SecretValue
from langchain_tyrum.tools import ArgumentRefused, UserSecret, secret_tool


@pytest.fixture
def issue(broker, heard):
    @secret_tool(broker, token="github/token")
    def create_issue(title: str, *, token: str, labels: int = 2) -> str:
        """Open an issue."""
        heard.hear(token)
        return f"opened {title} ({labels})"

    return create_issue


def schemas(tool):
    yield tool.args_schema
    yield tool.tool_call_schema
    yield tool.get_input_schema()


class TestSchema:
    def test_no_schema_knows_the_secret_parameter(self, issue):
        """Arguments, call schema, input schema and OpenAI form lack the token."""
        assert ["title", "labels"] == list(issue.args)
        for schema in schemas(issue):
            assert "token" not in json.dumps(schema.model_json_schema())
        assert "token" not in json.dumps(convert_to_openai_tool(issue))

    def test_it_is_an_ordinary_tool(self, issue, broker):
        """LangChain sees a BaseTool, approvals a tool bound to secrets."""
        assert isinstance(issue, BaseTool)
        assert isinstance(issue, SecretBound)
        assert broker is issue.broker
        assert ("create_issue", "create_issue") == (issue.name, issue.tool_id)
        assert "Open an issue." == issue.description

    def test_options_of_the_tool_decorator_arrive(self, broker):
        """Name, description, return_direct, extras and tool id are taken over."""

        @secret_tool(
            broker,
            "file_issue",
            description="File it.",
            return_direct=True,
            extras={"defer_loading": True},
            tool_id="github-issues",
            token="github/token",
        )
        def create_issue(title: str, token: str) -> str:
            return title

        assert "file_issue" == create_issue.name
        assert "File it." == create_issue.description
        assert create_issue.return_direct
        assert {"defer_loading": True} == create_issue.extras
        assert "github-issues" == create_issue.tool_id

    def test_docstrings_are_parsed_without_the_secret(self, broker):
        """The described arguments reach the schema, the secret's line does not."""

        @secret_tool(broker, parse_docstring=True, token="github/token")
        def create_issue(title: str, token: str) -> str:
            """Open an issue.

            Args:
                title: Its headline.
                token: The robot's credential.
            """
            return title

        shown = json.dumps(convert_to_openai_tool(create_issue))
        assert "Its headline." in shown
        assert "robot" not in shown
        assert "Open an issue." == create_issue.description

    def test_an_explicit_schema_keeps_its_validators(self, broker, heard):
        """What remains of a given schema validates, coerces and defaults as before."""

        class Order(BaseModel):
            """What to order."""

            item: str = Field(description="What.")
            amount: int = 1
            api_key: str

            @field_validator("item", "api_key")
            @classmethod
            def _shout(cls, value):
                return value.upper()

            @field_validator("api_key")
            @classmethod
            def _never(cls, value):
                raise ValueError("the placeholder was validated")

            @model_validator(mode="after")
            def _whole(self):
                assert self.api_key
                if self.amount > 3:
                    raise ValueError("too many")
                return self

        @secret_tool(broker, args_schema=Order, secrets={"api_key": "github/token"})
        def order(item: str, amount: int, api_key: str) -> str:
            """Order."""
            heard.hear(api_key)
            return f"{amount} {item}"

        assert "2 TEA" == order.invoke({"item": "tea", "amount": "2"})
        assert ["item", "amount"] == list(order.args)
        with pytest.raises(ValidationError, match="too many"):
            order.invoke({"item": "tea", "amount": 4})
        assert 1 == len(heard.digests)

    def test_the_given_schema_is_untouched(self, broker):
        """Taking a field out makes a copy."""

        class Order(BaseModel):
            item: str
            api_key: str

        @secret_tool(broker, args_schema=Order, api_key="github/token")
        def order(item: str, api_key: str) -> str:
            """Order."""
            return item

        assert {"item", "api_key"} == set(Order.model_fields)
        assert {"item"} == set(order.args_schema.model_fields)

    def test_a_dict_schema_loses_the_argument(self, broker, heard):
        """A JSON schema is copied without property and requirement."""
        schema = {
            "type": "object",
            "title": "order",
            "description": "Order.",
            "properties": {"item": {"type": "string"}, "key": {"type": "string"}},
            "required": ["item", "key"],
        }

        @secret_tool(broker, args_schema=schema, key="github/token")
        def order(item: str, key: str) -> str:
            """Order."""
            heard.hear(key)
            return item

        assert "tea" == order.invoke({"item": "tea"})
        assert ["item"] == list(order.args)
        assert ["item"] == order.tool_call_schema["required"]
        assert ["item", "key"] == schema["required"]
        with pytest.raises(ArgumentRefused):
            order.invoke({"item": "tea", "key": "forged"})
        assert 1 == len(heard.digests)

    def test_without_inference_it_takes_one_text(self, broker, canary, heard):
        """`infer_schema=False` gives a tool of one string, and its secret beside it."""

        @secret_tool(broker, infer_schema=False, token="github/token")
        def search(query: str, token: str = "") -> str:
            """Search."""
            heard.hear(token)
            return f"found {query}"

        assert "found tea" == search.invoke("tea")
        assert "found tea" == search.invoke({"tool_input": "tea"})
        assert heard == [canary, canary]


class TestValues:
    @pytest.mark.parametrize(
        ("kind", "reveal"),
        [
            (str, lambda value: value),
            (bytes, lambda value: value),
            (SecretStr, lambda value: value.get_secret_value()),
            (SecretBytes, lambda value: value.get_secret_value()),
            (SecretValue, lambda value: value.reveal()),
            (SecretStr | None, lambda value: value.get_secret_value()),
            (Annotated[SecretValue, "the key"], lambda value: value.reveal()),
        ],
    )
    async def test_the_parameter_gets_the_type_it_names(
        self, broker, canary, heard, kind, reveal
    ):
        """Text by default, SecretStr or SecretValue where annotated, both ways."""

        @secret_tool(broker, token="github/token")
        def use(title: str, token: kind) -> str:
            """Use."""
            heard.hear(reveal(token))
            return title

        @secret_tool(broker, token="github/token")
        async def ause(title: str, token: kind) -> str:
            """Use."""
            heard.hear(reveal(token))
            return title

        assert "x" == use.invoke({"title": "x"})
        assert "x" == await use.ainvoke({"title": "x"})
        assert "x" == await ause.ainvoke({"title": "x"})
        assert heard == [canary] * 3

    def test_a_kept_value_is_dead_after_the_call(self, broker):
        """A SecretValue that a tool keeps reveals nothing once the call has ended."""
        kept = []

        @secret_tool(broker, token="github/token")
        def use(token: SecretValue) -> str:
            """Use."""
            kept.append(token)
            return "ok"

        use.invoke({})

        with pytest.raises(LeaseExpired):
            kept[0].reveal()

    def test_an_async_tool_refuses_a_sync_call_before_it_leases(self, broker):
        """The NotImplementedError comes before the ledger knows of a lease."""

        @secret_tool(broker, token="github/token")
        async def use(token: str) -> str:
            """Use."""
            return "ok"

        before = len(broker.audit.tail(100))
        with pytest.raises(NotImplementedError, match="ainvoke"):
            use.invoke({})
        assert before == len(broker.audit.tail(100))

    def test_positional_and_optional_arguments_keep_their_defaults(self, issue):
        """Defaults of model-chosen parameters are filled in."""
        assert "opened x (2)" == issue.invoke({"title": "x"})


class TestForgery:
    @pytest.mark.parametrize("value", ["forged", None, ""])
    async def test_a_forged_value_is_refused(self, issue, tool_call, heard, value):
        """Plain arguments and tool calls with the parameter raise, and nothing runs."""
        given = {"title": "x", "token": value}
        for asked in (given, tool_call("create_issue", **given)):
            with pytest.raises(ArgumentRefused, match="token"):
                issue.invoke(asked)
            with pytest.raises(ArgumentRefused, match="token"):
                await issue.ainvoke(asked)
        assert [] == heard.digests

    async def test_in_a_graph_the_model_is_told(
        self, issue, compile_tools, asking, tool_call, heard
    ):
        """ToolNode gets an error message to show, and the tool does not run."""
        forged = tool_call("create_issue", title="x", token="forged")
        graph = compile_tools([issue])

        for out in (graph.invoke(asking(forged)), await graph.ainvoke(asking(forged))):
            message = out["messages"][-1]
            assert "error" == message.status
            assert "leave it out" in message.content
        assert [] == heard.digests

    def test_aliases_of_the_parameter_are_forged_too(self, broker, heard):
        """A hidden field cannot be filled under its alias either."""

        class Order(BaseModel):
            item: str
            api_key: str = Field(
                default="", validation_alias=AliasChoices("apiKey", "key")
            )

        @secret_tool(broker, args_schema=Order, api_key="github/token")
        def order(item: str, api_key: str) -> str:
            """Order."""
            heard.hear(api_key)
            return item

        for name in ("apiKey", "key", "api_key"):
            with pytest.raises(ArgumentRefused):
                order.invoke({"item": "tea", name: "forged"})
        assert [] == heard.digests


class TestCopies:
    def test_copies_work_and_share_the_broker(self, issue, broker, canary, heard):
        """Deepcopy and model_copy give tools that lease from the same broker."""
        for twin in (
            copy.copy(issue),
            copy.deepcopy(issue),
            issue.model_copy(),
            issue.model_copy(deep=True, update={"description": "Other."}),
        ):
            assert "opened x (2)" == twin.invoke({"title": "x"})
            assert broker is twin.broker
        assert heard == [canary] * 4

    def test_nothing_printable_holds_the_value(self, issue, canary):
        """repr, dumps and vars show ids only, after a call too."""
        issue.invoke({"title": "x"})
        shown = f"{issue!r}{issue}{issue.model_dump()}{vars(issue)}{issue.wiring!r}"
        assert canary not in shown
        assert canary not in repr(issue.__pydantic_private__)

    def test_it_refuses_pickle(self, issue):
        """The broker in it cannot be pickled, so the tool cannot."""
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            pickle.dumps(issue)


class TestBindings:
    @pytest.mark.parametrize("form", ["name", "text", "handle", "record"])
    def test_a_secret_may_be_named_in_any_form(self, broker, canary, heard, form):
        """Name, `tyrum://h_…`, handle and record bind the same secret."""
        record = broker.describe("github/token")
        named = {
            "name": "github/token",
            "text": str(record.handle),
            "handle": record.handle,
            "record": record,
        }

        @secret_tool(broker, token=named[form])
        def use(token: str) -> str:
            """Use."""
            heard.hear(token)
            return "ok"

        assert "ok" == use.invoke({})
        assert heard == [canary]

    def test_a_parameter_named_like_an_option_goes_into_secrets(
        self, broker, canary, heard
    ):
        """`secrets=` binds parameters whose names are taken."""

        @secret_tool(broker, secrets={"name": "github/token"})
        def use(name: str) -> str:
            """Use."""
            heard.hear(name)
            return "ok"

        assert "ok" == use.invoke({})
        assert heard == [canary]

    @pytest.mark.parametrize(
        ("make", "mend"),
        [
            (lambda b: secret_tool(b, password="github/token"), "no parameter"),
            (lambda b: secret_tool(b, templates=("header",)), "no parameter"),
            (lambda b: secret_tool(b, token=7), "SecretHandle"),
            (lambda b: secret_tool(b, token=""), "SecretHandle"),
            (lambda b: secret_tool(b, name="db/user"), "secrets="),
            (lambda b: secret_tool(lambda: None), "broker first"),
        ],
    )
    def test_mistakes_are_named_at_decoration(self, broker, make, mend):
        """A parameter or binding that cannot work is a ConfigError with its mend."""

        def use(token: str, name: str) -> str:
            """Use."""
            return "ok"

        with pytest.raises(ConfigError, match=mend):
            make(broker)(use)

    async def test_unknown_and_revoked_secrets_stop_the_call(
        self, broker, heard, compile_tools, asking, tool_call
    ):
        """Their typed errors are raised; a graph tells its model, and goes on."""

        @secret_tool(broker, token="no/such")
        def lost(token: str) -> str:
            """Use."""
            heard.hear(token)
            return "ok"

        @secret_tool(broker, token="github/token")
        def gone(token: str) -> str:
            """Use."""
            heard.hear(token)
            return "ok"

        broker.revoke("github/token")
        graph = compile_tools([lost, gone])
        for tool, error in ((lost, SecretNotFound), (gone, SecretRevoked)):
            with pytest.raises(error):
                tool.invoke({})
            with pytest.raises(error):
                await tool.ainvoke({})
            given = asking(tool_call(tool.name))
            for out in (graph.invoke(given), await graph.ainvoke(given)):
                message = out["messages"][-1]
                assert "error" == message.status
                assert "The tool did not run" in message.content
        assert [] == heard.digests

    async def test_a_foreign_handle_is_refused(
        self, broker, heard, compile_tools, asking, tool_call
    ):
        """Another user's secret, bound by handle, is not leased; a graph says so."""
        handle = broker.put("ada/token", "adas-own-quiet-value", owner="ada")

        @secret_tool(broker, token=handle)
        def use(token: str) -> str:
            """Use."""
            heard.hear(token)
            return "ok"

        with pytest.raises(SecretForbidden):
            use.invoke({}, {"configurable": {"user_id": "bob"}})
        with pytest.raises(SecretForbidden):
            use.invoke({})
        bob = {"configurable": {"user_id": "bob"}}
        graph = compile_tools([use])
        given = asking(tool_call("use"))
        for out in (graph.invoke(given, bob), await graph.ainvoke(given, bob)):
            message = out["messages"][-1]
            assert "error" == message.status
            assert "belongs to somebody else" in message.content
            assert "ada" not in message.content
        assert [] == heard.digests
        assert "ok" == use.invoke({}, {"configurable": {"user_id": "ada"}})
        assert 1 == len(heard.digests)


class TestUserSecrets:
    @pytest.fixture
    def login(self, broker, heard):
        @secret_tool(broker, password=UserSecret("site/password"))
        def login(site: str, password: str) -> str:
            """Log in."""
            heard.hear(password)
            return f"{site}: {password}"

        return login

    async def test_each_user_gets_their_own(self, broker, login, heard):
        """One tool serves two users, each with the value they gave."""
        values = {"ada": "adas-quiet-password-1", "bob": "bobs-quiet-password-2"}
        for user, value in values.items():
            broker.put("site/password", value, owner=user)

        for user in values:
            config = {"configurable": {"user_id": user}}
            told = await login.ainvoke({"site": "x"}, config)
            assert "x: [REDACTED:site/password]" == told
            assert told == login.invoke({"site": "x"}, config)
        ada, bob = values.values()
        assert heard == [ada, ada, bob, bob]

    def test_a_missing_one_says_how_to_give_it(self, login, heard):
        """The error names the two ways that there are: the chat, and `put`."""
        mend = (
            r"in the chat, or store it with broker.put\('site/password', value, owner="
        )
        with pytest.raises(SecretNotFound, match=mend):
            login.invoke({"site": "x"}, {"configurable": {"user_id": "ada"}})
        assert [] == heard.digests

    def test_a_service_secret_of_that_name_is_not_taken(self, broker, login, heard):
        """Neither a service's nor another tenant's secret stands in for the user's."""
        broker.put("site/password", "the-services-own-value")
        broker.put("site/password", "other-tenants-value", owner="ada", tenant="acme")
        with pytest.raises(SecretNotFound):
            login.invoke({"site": "x"}, {"configurable": {"user_id": "ada"}})
        broker.put("site/password", "adas-quiet-password-1", owner="ada")
        login.invoke({"site": "x"}, {"configurable": {"user_id": "ada"}})
        assert heard == ["adas-quiet-password-1"]

    def test_without_a_user_it_fails_closed(self, broker, login, heard):
        """Nobody's password is used for an unknown caller."""
        broker.put("site/password", "the-services-own-value")
        with pytest.raises(SecretForbidden, match="identity"):
            login.invoke({"site": "x"})
        assert [] == heard.digests


class TestErrorsOfThePackage:
    def test_refusals_are_errors_that_callers_already_catch(self):
        """A refused argument is a TyrumError, a ValueError and a PermissionError."""
        for kind in (TyrumError, ValueError, PermissionError):
            assert issubclass(ArgumentRefused, kind)
