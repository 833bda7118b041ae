"""What a model may put into arguments: references, templates, and nothing else."""

import json

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool

from langchain_tyrum.errors import SecretForbidden, SecretNotFound, TyrumError
from langchain_tyrum.handles import SecretReference
from langchain_tyrum.tools import ArgumentRefused, secret_tool


def leases(broker):
    return [row for row in broker.audit.tail(500) if "lease" in str(row)]


@pytest.fixture
def send(broker, heard):
    @secret_tool(broker, token="github/token")
    def send(body: object, header: str = "", *, token: str) -> str:
        """Send."""
        heard.hear(token)
        return "sent"

    return send


class TestMarkers:
    @pytest.mark.parametrize(
        "body",
        [
            "[REDACTED]",
            "password=[REDACTED:github/token] ok",
            {"deep": [{"er": "x [REDACTED:jwt]"}]},
            {"[REDACTED:jwt]": 1},
        ],
    )
    async def test_a_copied_marker_is_refused(self, broker, send, heard, body):
        """A marker anywhere in an argument stops the call before any lease."""
        before = leases(broker)
        with pytest.raises(ArgumentRefused, match="copied a redaction marker"):
            send.invoke({"body": body})
        with pytest.raises(ArgumentRefused, match="the value was not shown to you"):
            await send.ainvoke({"body": body})
        assert [] == heard.digests
        assert before == leases(broker)

    async def test_in_a_graph_the_model_is_told(
        self, send, compile_tools, asking, tool_call
    ):
        """The refusal comes back as an error message that says what happened."""
        graph = compile_tools([send])
        given = asking(tool_call("send", body="use [REDACTED:github/token]"))
        for out in (graph.invoke(given), await graph.ainvoke(given)):
            assert "error" == out["messages"][-1].status
            assert "you copied a redaction marker" in out["messages"][-1].content


class TestHandlesInText:
    @pytest.mark.parametrize("form", ["handle", "alias", "nested", "key", "object"])
    def test_a_handle_in_any_other_argument_is_refused(self, broker, send, heard, form):
        """It is refused wherever it stands, allowed or not, before any lease."""
        handle = broker.describe("github/token").handle
        reference = broker.reference("github/token", alias="bot", tools=["send"])
        body = {
            "handle": f"use {handle} please",
            "alias": f"{reference}",
            "nested": {"a": [str(handle)]},
            "key": {str(handle): 1},
            "object": handle,
        }[form]
        before = leases(broker)

        with pytest.raises(ArgumentRefused, match="not resolved here"):
            send.invoke({"body": body})

        assert [] == heard.digests
        assert before == leases(broker)

    def test_ordinary_text_passes(self, send):
        """A scheme without a name is no handle."""
        assert "sent" == send.invoke({"body": "see tyrum:// and https://x"})


class TestTemplates:
    @pytest.fixture
    def fetch(self, broker, heard):
        @secret_tool(broker, templates=("header",))
        def fetch(url: str, header: str = "") -> str:
            """Fetch."""
            heard.hear(header)
            return f"sent {header}"

        return fetch

    async def test_an_allowed_handle_is_filled_in(self, broker, fetch, canary, heard):
        """Alias, id and handle id become the value, and the result shows a marker."""
        bot = broker.reference("github/token", alias="git/bot", tools=["fetch"])
        handle = broker.describe("github/token").handle
        for named in ("tyrum://git/bot", f"tyrum://{bot.secret_ref_id}", str(handle)):
            given = {"url": "x", "header": f"Bearer {named}, twice {named}"}
            told = await fetch.ainvoke(given)
            assert told == fetch.invoke(given)
            assert "sent Bearer [REDACTED:github/token], twice" in told
        assert heard == [f"Bearer {canary}, twice {canary}"] * 6

    def test_a_handle_that_is_not_for_this_tool_is_refused(self, broker, fetch, heard):
        """A disallowed or unknown name fails before anything leases."""
        broker.reference("github/token", alias="bot", tools=["other"])
        before = leases(broker)
        for named in ("bot", "nobody", broker.describe("github/token").handle_id):
            with pytest.raises(TyrumError):
                fetch.invoke({"url": "x", "header": f"Bearer tyrum://{named}"})
        assert [] == heard.digests
        assert before == leases(broker)

    def test_the_model_is_told_what_it_may_write(self, broker, fetch):
        """The description lists the references and the parameter for them."""
        broker.reference("github/token", alias="git/bot", tools=["fetch"])
        shown = convert_to_openai_tool(fetch)["function"]["description"]
        assert "secret_alias=git/bot" in shown
        assert "In header, write tyrum://" in shown

    def test_other_parameters_stay_closed(self, broker, fetch, heard):
        """The list of templates opens the listed parameter only."""
        broker.reference("github/token", alias="bot", tools=["fetch"])
        with pytest.raises(ArgumentRefused):
            fetch.invoke({"url": "https://x/?key=tyrum://bot", "header": ""})
        with pytest.raises(ArgumentRefused):
            fetch.invoke({"url": "x", "header": "Bearer [REDACTED:github/token]"})
        assert [] == heard.digests

    def test_without_a_handle_nothing_is_leased(self, broker, fetch, heard):
        """A plain text runs as it is."""
        before = leases(broker)
        assert "sent plain" == fetch.invoke({"url": "x", "header": "plain"})
        assert heard == ["plain"]
        assert before == leases(broker)


class TestReferences:
    @pytest.fixture
    def post(self, broker, heard):
        @secret_tool(broker)
        def post(text: str, credential: SecretReference) -> str:
            """Post a text."""
            heard.hear(credential.reveal())
            heard.hear(credential.reveal_bytes())
            return f"{credential} {credential.reveal()}"

        return post

    async def test_the_model_chooses_by_alias_or_id(self, broker, post, canary, heard):
        """Both selectors, with or without the scheme, give the value to the tool."""
        bot = broker.reference("github/token", alias="bot", tools=["post"])
        for chosen in ("bot", bot.secret_ref_id, "tyrum://bot"):
            given = {"text": "x", "credential": chosen}
            assert "tyrum://bot [REDACTED:github/token]" == post.invoke(given)
            assert "tyrum://bot [REDACTED:github/token]" == await post.ainvoke(given)
        assert heard == [canary] * 12

    def test_the_model_sees_a_string_and_the_list(self, broker, post):
        """The schema asks for a string; the description lists what may be chosen."""
        broker.reference(
            "github/token", alias="bot", tools=["post"], display_name="GitHub bot"
        )
        shown = convert_to_openai_tool(post)["function"]
        parameter = shown["parameters"]["properties"]["credential"]
        assert "string" == parameter["type"]
        assert "- GitHub bot (secret_ref_id=" in shown["description"]
        assert "secret_alias=bot)" in shown["description"]
        assert shown["description"].startswith("Post a text.\n\n")

    def test_references_of_other_tools_are_not_shown(self, broker, post):
        """What the tool may not take, the model is not told of."""
        broker.reference("github/token", alias="theirs", tools=["other"])
        assert "theirs" not in json.dumps(convert_to_openai_tool(post))

    def test_twenty_are_listed_and_the_rest_counted(self, broker, post):
        """The 21st and later are `plus N more`, and still may be chosen."""
        for number in range(23):
            broker.reference("github/token", alias=f"bot{number:02}", tools=["post"])
        shown = convert_to_openai_tool(post)["function"]["description"]
        assert 20 == shown.count("secret_alias=")
        assert "plus 3 more" in shown

    def test_a_twentieth_is_not_yet_too_many(self, broker, post):
        """Exactly twenty are listed without a rest."""
        for number in range(20):
            broker.reference("github/token", alias=f"bot{number:02}", tools=["post"])
        shown = convert_to_openai_tool(post)["function"]["description"]
        assert 20 == shown.count("secret_alias=")
        assert "more" not in shown

    async def test_unknown_and_disallowed_choices_fail_first(
        self, broker, post, heard, compile_tools, asking, tool_call
    ):
        """They raise, or tell the model in a graph, before anything is resolved."""
        broker.reference("github/token", alias="theirs", tools=["other"])
        before = leases(broker)
        graph = compile_tools([post])
        for chosen, error in (
            ("nobody", SecretNotFound),
            ("theirs", SecretForbidden),
            ("", ArgumentRefused),
        ):
            given = {"text": "x", "credential": chosen}
            with pytest.raises(error):
                post.invoke(given)
            with pytest.raises(error):
                await post.ainvoke(given)
            out = graph.invoke(asking(tool_call("post", **given)))
            assert "error" == out["messages"][-1].status
        assert [] == heard.digests
        assert before == leases(broker)

    def test_an_optional_choice_may_be_left_out(self, broker, heard):
        """Without a choice the tool runs without a lease."""

        @secret_tool(broker)
        def post(text: str, credential: SecretReference | None = None) -> str:
            """Post."""
            return f"{text} {credential}"

        assert "x None" == post.invoke({"text": "x"})
        assert "x None" == post.invoke({"text": "x", "credential": None})

    def test_the_reference_prints_no_value(self, broker, canary):
        """A tool that returns or prints its reference shows the alias."""
        broker.reference("github/token", alias="bot", tools=["post"])
        shown = []

        @secret_tool(broker)
        def post(credential: SecretReference) -> str:
            """Post."""
            shown.append(f"{credential} {credential!r} {credential.model_dump()}")
            return "ok"

        post.invoke({"credential": "bot"})
        assert "tyrum://bot" in shown[0]
        assert canary not in shown[0]
