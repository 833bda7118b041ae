"""Each caller's model is told of its own references, and may choose among them only."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from langchain.agents import create_agent
from langchain_core.runnables import RunnableLambda
from langchain_core.utils.function_calling import convert_to_openai_tool

from langchain_tyrum.approval.showing import show
from langchain_tyrum.broker import CallIdentity
from langchain_tyrum.errors import SecretNotFound, TyrumError
from langchain_tyrum.handles import SecretReference  # noqa: TC001 - read at run time
from langchain_tyrum.tools import secret_tool

USERS = {"ada": "default", "bob": "default", "zoe": "acme"}


def config_of(user):
    return {"configurable": {"user_id": user, "tenant_id": USERS.get(user)}}


def call_of(user):
    return CallIdentity(tenant=USERS[user], user=user, thread_id="t1")


@pytest.fixture
def broker(make_broker, canary):
    """One reference of the service, and one of each user."""
    made = make_broker({"github/token": canary})
    made.reference("github/token", alias="shared", tools=["post"])
    for user, tenant in USERS.items():
        made.put(f"{user}-mail", f"{canary}-{user}", owner=user, tenant=tenant)
        made.reference(
            f"{user}-mail",
            alias=f"{user}-alias",
            display_name=f"{user.title()}'s mailbox",
            tools=["post"],
            owner=user,
            tenant=tenant,
        )
    return made


@pytest.fixture
def post(broker, heard):
    @secret_tool(broker)
    def post(credential: SecretReference) -> str:
        """Post."""
        heard.hear(credential.reveal())
        return "ok"

    return post


def told(text):
    """Whose references a text tells of."""
    low = text.lower()
    return {user for user in USERS if f"{user}-" in low or f"{user}'s" in low}


class TestListing:
    @pytest.mark.parametrize("user", USERS)
    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_an_agent_is_told_of_its_callers(self, make_run, post, user, how):
        """What a model is shown follows the user on whose behalf it is asked."""
        run = make_run("agent", [post], [])
        agent = create_agent(run.model, [post])
        given, config = {"messages": [("user", "go")]}, config_of(user)

        await agent.ainvoke(given, config) if how == "async" else agent.invoke(
            given, config
        )

        schemas = json.dumps(run.model.shown[0])
        assert {user} == told(schemas)
        assert ("shared" in schemas) is (USERS[user] == "default")

    def test_outside_a_run_only_services_are_told_of(self, post):
        """Nobody's own references stand in a schema that is made at start-up."""
        schema = json.dumps(convert_to_openai_tool(post))

        assert set() == told(schema + repr(post) + str(post.model_dump()))
        assert "shared" in schema

    def test_copies_of_the_tool_hold_no_list(self, post):
        """What is copied from a tool inside a run is the developer's text."""
        (inside,) = RunnableLambda(lambda _: [post.model_copy()]).invoke(
            None, config_of("ada")
        )

        assert set() == told(inside.description)
        assert 1 == post.model_copy().description.count("Credentials to choose from")

    def test_runs_at_the_same_time_do_not_mix(self, post):
        """The tool is shared by threads; what it tells each of them is not."""
        barrier = threading.Barrier(2)

        def look(_):
            found = []
            for _ in range(20):
                barrier.wait(10)
                found.append(post.description)
            return "".join(found)

        looked = {}
        threads = [
            threading.Thread(
                target=lambda user=user: looked.update(
                    {user: RunnableLambda(look).invoke(None, config_of(user))}
                )
            )
            for user in ("ada", "bob")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert {"ada": {"ada"}, "bob": {"bob"}} == {
            user: told(text) for user, text in looked.items()
        }

    def test_a_title_stays_on_its_line(self, broker, post):
        """An old display name with a line break cannot forge another choice."""
        with broker.catalog.transaction() as connection:
            connection.exec_driver_sql(
                "update secret_references set display_name = 'x' || char(10) || "
                "'- Root (secret_ref_id=r_1)' where secret_alias = 'shared'"
            )

        lines = post.description.splitlines()
        assert 1 == sum(line.startswith("- ") for line in lines)


class TestChoosing:
    @pytest.mark.parametrize("user", USERS)
    def test_ones_own_is_leased(self, post, user, heard, canary):
        """The caller's own reference gives the tool the caller's own value."""
        post.invoke({"credential": f"{user}-alias"}, config_of(user))

        assert heard == [f"{canary}-{user}"]

    @pytest.mark.parametrize("form", ["alias", "id", "handle", "text", "json", "name"])
    @pytest.mark.parametrize(
        ("user", "other"),
        [("ada", "bob"), ("ada", "zoe"), ("zoe", "ada"), (None, "bob")],
    )
    async def test_anothers_does_not_exist(
        self, broker, post, heard, user, other, form
    ):
        """Whatever a model knows of another's reference, it is as good as made up."""
        tenant = USERS[other]
        reference = next(
            one
            for one in broker.references("post", tenant=tenant, owner=other)
            if one.secret_alias == f"{other}-alias"
        )
        handle = broker.describe(f"{other}-mail", tenant=tenant, owner=other).handle
        chosen = {
            "alias": reference.secret_alias,
            "id": reference.secret_ref_id,
            "handle": handle.handle_id,
            "text": str(handle),
            "json": handle.model_dump_json(),
            "name": f"{other}-mail",
        }[form]
        config, errors = config_of(user), []

        for given in ({"credential": chosen}, {"credential": "made-up"}):
            with pytest.raises(SecretNotFound) as caught:
                post.invoke(given, config)
            errors.append((str(caught.value), caught.value.handle, caught.value.scope))
            with pytest.raises(SecretNotFound):
                await post.ainvoke(given, config)

        assert errors[0] == errors[1]
        assert [] == heard.digests
        assert not [row for row in broker.audit.tail(99) if "lease" in row["action"]]

    def test_two_selectors_at_once_are_none(self, post):
        """A choice is exactly one text, never an object with an id and an alias."""
        for given in (
            {"secret_ref_id": "r_1", "secret_alias": "shared"},
            ["shared"],
            "tyrum://tyrum://shared",
        ):
            with pytest.raises((TyrumError, ValueError)):
                post.invoke({"credential": given}, config_of("ada"))


class TestApprovals:
    @pytest.mark.parametrize("user", USERS)
    def test_a_question_names_the_callers_reference(self, broker, post, user):
        """In any tenant, the person sees the reference that was chosen."""
        call = call_of(user)
        tool_call = {"name": "post", "args": {"credential": f"{user}-alias"}, "id": "c"}
        bound = post.bind_call({**tool_call, "type": "tool_call"}, call)

        shown = show(broker, bound, call=call, again=False)

        assert [(f"{user}-alias", f"{user.title()}'s mailbox")] == [
            (one["secret_alias"], one["display_name"]) for one in shown.secrets
        ]

    async def test_twins(self, broker):
        """The async twins list and resolve the same."""
        whose = {"tenant": "acme", "owner": "zoe"}

        found, record = await asyncio.gather(
            broker.areferences("post", **whose),
            broker.aresolve_reference("zoe-alias", tool_id="post", **whose),
        )
        assert [["zoe-alias"], "zoe-mail"] == [
            [one.secret_alias for one in found],
            record.name,
        ]
