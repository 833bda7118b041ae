from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest


@pytest.fixture
def waiting(store, tmp_path, canary):
    """Opens a thread whose two calls wait for approval, over files."""
    from langchain_core.messages import AIMessage, HumanMessage
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode

    from langchain_tyrum.approval import approval_node
    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.policy import SecretPolicy
    from langchain_tyrum.tools import secret_tool

    class Waiting:
        checkpoints = str(tmp_path / "graph.db")

        def __init__(self):
            self.ran = []
            policy = SecretPolicy(require_approval=["*"])
            self.broker = SecretBroker.local(store, policy=policy)
            self.broker.put("github/token", canary)

            @secret_tool(self.broker, token="github/token")
            def push(branch: str, *, token: str) -> str:
                """Push a branch."""
                self.ran.append(branch)
                return "pushed"

            def model(state):
                calls = [
                    {"name": "push", "args": {"branch": one}, "id": f"c-{one}"}
                    for one in ("main", "side\t\x1b[31m")
                ]
                return {"messages": [AIMessage("", tool_calls=calls)]}

            builder = StateGraph(MessagesState)
            builder.add_node("model", model)
            builder.add_node(
                "approve", approval_node(self.broker, [push], rejected="__end__")
            )
            builder.add_node("tools", ToolNode([push]))
            builder.add_edge(START, "model")
            builder.add_edge("model", "approve")
            self.connection = sqlite3.connect(self.checkpoints, check_same_thread=False)
            self.graph = builder.compile(checkpointer=SqliteSaver(self.connection))
            self.config = {"configurable": {"thread_id": "t1"}}
            self.graph.invoke({"messages": [HumanMessage("go")]}, self.config)

        def run_on(self):
            self.graph.invoke(None, self.config)

        @property
        def request_id(self):
            (request,) = self.broker.requests.waiting()
            return request.request_id

        def close(self):
            self.connection.close()
            self.broker.close()

    made = Waiting()
    yield made
    made.close()


class TestList:
    def test_what_waits(self, run, waiting):
        """A question is one line: id, state, thread, user, calls, scopes, expiry."""
        (row,) = run("approvals", "list").out.splitlines()

        fields = row.split("\t")
        assert [waiting.request_id, "asked", "t1", "-", "push, push"] == fields[:5]
        assert "github/token" == fields[5]
        assert fields[6].endswith(" UTC")
        assert waiting.broker.requests.find(fields[0]).digest[:12] == fields[7]

    def test_one_with_its_calls(self, run, waiting):
        """A question by its id shows each call; what a model wrote steers nothing."""
        out = run("approvals", "list", waiting.request_id).out

        assert 2 == out.count("push wants to use a secret.")
        assert '"branch": "main"' in out
        assert "\x1b" not in out
        assert "\\\\t" in out or "\\t" in out

    def test_json(self, run, waiting):
        """JSON tells all that a client needs to show the question and answer it."""
        (row,) = run("approvals", "list", "--json").data

        assert ["c-main", "c-side\t\x1b[31m"] == [
            one["tool_call_id"] for one in row["calls"]
        ]
        assert ["asked", "asked"] == [one["state"] for one in row["calls"]]
        assert {"branch": "main"} == row["calls"][0]["args"]
        assert ["approve", "edit", "reject", "respond"] == row["allowed"]

    def test_none(self, run, waiting):
        """Where nothing waits the list is empty, and a word on stderr says so."""
        ran = run("approvals", "list", "--tenant", "acme")

        assert (0, "") == (ran.code, ran.out)
        assert "no question waits; --all" in ran.err
        assert 1 == run("approvals", "list", "r_unknown").code

    def test_what_no_graph_waits_for_any_more(self, run, waiting):
        """With the checkpointer's address only what is still waited for is listed."""
        where = ["--checkpoints", waiting.checkpoints]
        assert waiting.request_id in run("approvals", "list", *where).out

        waiting.graph.update_state(waiting.config, {"messages": []}, as_node="tools")

        assert "" == run("approvals", "list", *where).out
        assert waiting.request_id in run("approvals", "list").out
        refused = run("approvals", "answer", waiting.request_id, "approve", *where)
        assert 1 == refused.code
        assert "no graph with that checkpointer waits" in refused.err

    @pytest.mark.parametrize("kind", ["missing", "no database", "no server"])
    def test_checkpoints_that_cannot_be_read(self, run, waiting, tmp_path, kind):
        """A wrong checkpointer address is an error of one line that says so."""
        path = tmp_path / "other.db"
        if kind == "no database":
            path.write_text("this is no database")
        url = "postgresql://ann:s3cret@127.0.0.1:1/x" if kind == "no server" else path
        ran = run("approvals", "list", "--checkpoints", str(url))

        assert 1 == ran.code
        assert "correct --checkpoints" in ran.err
        assert "s3cret" not in ran.err
        assert 1 == len(ran.err.splitlines())


class TestAnswer:
    def test_one_decision_for_all_calls(self, run, waiting):
        """One `approve` approves every call shown; each runs once."""
        ran = run("approvals", "answer", waiting.request_id, "approve")

        assert (0, waiting.request_id) == (ran.code, ran.out.strip())
        assert "graph.invoke(None, config)" in ran.err
        assert [] == waiting.ran
        assert "\tgiven\t" in run("approvals", "list").out
        waiting.run_on()
        assert ["main", "side\t\x1b[31m"] == sorted(waiting.ran)
        assert "" == run("approvals", "list").out
        assert "\tconsumed\t" in run("approvals", "list", "--all").out

    def test_one_decision_per_call(self, run, waiting):
        """Decisions stand in the order of the calls; the message goes to the model."""
        run(
            "approvals",
            "answer",
            waiting.request_id,
            "reject",
            "approve",
            "--message",
            "not main",
        )
        waiting.run_on()

        assert ["side\t\x1b[31m"] == waiting.ran
        state = waiting.graph.get_state(waiting.config).values["messages"]
        assert any("not main" in str(one.content) for one in state)

    def test_a_grant_for_longer(self, run, waiting):
        """An approval may reach further, for a time and a number of calls."""
        options = ["--grant", "session", "--ttl", "600", "--max-uses", "3"]
        assert (
            0
            == run("approvals", "answer", waiting.request_id, "approve", *options).code
        )
        waiting.run_on()

        assert ("session", 3) == {
            (one.mode, one.max_uses) for one in waiting.broker.grants()
        }.pop()
        assert "session" in run("grant", "list").out

    def test_an_edit(self, run, waiting, tmp_path):
        """The call to put in place comes from a file or a pipe."""
        action = json.dumps({"name": "push", "args": {"branch": "safe"}})
        ran = run(
            "approvals",
            "answer",
            waiting.request_id,
            *["edit", "reject", "--edit-from", "-"],
            value=action,
        )
        assert 0 == ran.code
        waiting.run_on()

        assert ["safe"] == waiting.ran

    def test_a_response(self, run, waiting):
        """A person's words stand for the results."""
        where = ["approvals", "answer", waiting.request_id, "respond"]
        assert "--message" in run(*where).err
        assert 0 == run(*where, "--message", "did it by hand").code
        waiting.run_on()

        assert [] == waiting.ran

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            (["approve", "approve", "approve"], "3 decisions for 2"),
            (["approve", "--digest", "f" * 12], "the calls are other ones"),
            (["approve", "--max-uses", "2"], "--grant session"),
            (["approve", "--ttl", "-1"], "--ttl is above 0"),
            (["edit"], "--edit-from FILE"),
            (["approve", "--tenant", "acme"], "approvals list"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, run, waiting, options, why):
        """A wrong answer is one line with its mend; the question stays asked."""
        ran = run("approvals", "answer", waiting.request_id, *options)

        assert 1 == ran.code
        assert why in ran.err
        assert 1 == len(ran.err.splitlines())
        assert "\tasked\t" in run("approvals", "list").out

    def test_a_value_is_refused(self, run, waiting, canary, store):
        """A raw value in a message or an edit is refused, not shown and not kept."""
        where = ["approvals", "answer", waiting.request_id]
        typed = run(*where, "reject", "--message", f"it is {canary}")
        action = json.dumps({"name": "push", "args": {"branch": canary}})
        piped = run(*where, "edit", "--edit-from", "-", value=action)

        assert [1, 1] == [typed.code, piped.code]
        assert "raw value" in typed.err
        assert "raw value" in piped.err
        for path in filter(Path.is_file, store.rglob("*")):
            assert canary.encode() not in path.read_bytes()
        assert "\tasked\t" in run("approvals", "list").out

    def test_twice(self, run, waiting):
        """The first answer counts; the second is refused and says why."""
        run("approvals", "answer", waiting.request_id, "reject")
        ran = run("approvals", "answer", waiting.request_id, "approve")

        assert 1 == ran.code
        assert "has an answer already" in ran.err
        waiting.run_on()
        assert [] == waiting.ran

    @pytest.mark.parametrize("wrong", [["r_unknown", "approve"], ["r_x", "maybe"]])
    def test_unknown(self, run, waiting, wrong):
        """An unknown request, or an unknown decision, is an error that says what."""
        ran = run("approvals", "answer", *wrong)

        assert ran.code in (1, 2)
        assert "list" in ran.err or "choose from" in ran.err


class TestDrop:
    def test_a_question_that_nobody_waits_for(self, run, waiting):
        """A dropped question is not listed, takes no answer, and is in the books."""
        dropped = waiting.request_id
        ran = run("approvals", "drop", dropped)

        assert (0, dropped) == (ran.code, ran.out.strip())
        assert "" == run("approvals", "list").out
        assert "\tsuperseded\t" in run("approvals", "list", "--all").out
        refused = run("approvals", "answer", dropped, "approve")
        assert 1 == refused.code
        assert "is superseded" in refused.err
        assert "approval_superseded" in run("audit", "tail").out

    def test_a_graph_that_does_wait_asks_anew(self, run, waiting):
        """Dropping decides nothing: the graph asks again, and takes that answer."""
        dropped = waiting.request_id
        run("approvals", "drop", dropped, "--json")
        waiting.run_on()

        assert [] == waiting.ran
        assert dropped != waiting.request_id
        assert 0 == run("approvals", "answer", waiting.request_id, "approve").code
        waiting.run_on()
        assert 2 == len(waiting.ran)

    def test_what_cannot_be_dropped(self, run, waiting):
        """An unknown, foreign or closed question is one line that names the mend."""
        dropped = waiting.request_id
        codes = [
            run("approvals", "drop", "r_unknown"),
            run("approvals", "drop", dropped, "--tenant", "acme"),
        ]
        assert {1} == {one.code for one in codes}
        assert all("see `approvals list`" in one.err for one in codes)
        assert dropped == waiting.request_id

        run("approvals", "drop", dropped)
        twice = run("approvals", "drop", dropped)
        assert 1 == twice.code
        assert "is superseded" in twice.err
