"""The states of a call that is asked about, walked at random on a real graph."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import InjectedToolCallId
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command
from sqlalchemy import text

from langchain_tyrum.approval import (
    AnswerRefused,
    approval_node,
    approve,
    decisions,
    edit,
    leave_answer,
    pending_approvals,
    reject,
    respond,
)
from langchain_tyrum.approval.states import call_states
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ProviderUnavailable, TyrumError
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import MemoryProvider
from langchain_tyrum.tools import secret_tool

VALUE = "Qv7-walnut+lamp/{}"
CONFIG = {"configurable": {"thread_id": "t"}}
STRICT = ["approve", "edit", "respond", "reject"]
KINDS = st.sampled_from(["approve", "approve", "reject", "respond", "edit"])


class Flaky(MemoryProvider):
    """Fails as often as it is told to."""

    __slots__ = ("failures",)

    def get(self, name, *, version=None):
        if self.failures:
            self.failures -= 1
            raise ProviderUnavailable("the flaky provider is down", provider="flaky")
        return super().get(name, version=version)


class Broken(Exception):
    """The tool failed after it had used its secret."""


def decided(kind, name):
    made = {
        "approve": approve(),
        "reject": reject("no"),
        "respond": respond("done by hand"),
        "edit": edit(name, {"text": "rewritten"}),
    }
    return made[kind]


class Approvals(RuleBasedStateMachine):
    """A person, the world and a graph, in any order."""

    def __init__(self):
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.provider = Flaky()
        self.provider.failures = 0
        self.broker = SecretBroker(
            providers=[self.provider],
            catalog="sqlite://",
            policy=SecretPolicy(require_approval=["*"]),
        )
        # It ticks: what came later has a later time.
        ticks = itertools.count()
        self.broker.catalog.clock = lambda: (
            self.now + timedelta(microseconds=next(ticks))
        )
        self.ran, self.may_run, self.breaks = Counter(), Counter(), 0
        self.disturbed, self.values, self.rotations = False, [], 0
        self.script, self.streamed, self.given, self.calls = [], [], {}, 0
        for name in ("a", "b"):
            self.values.append(VALUE.format(name))
            self.broker.put(name, self.values[-1])
        self.graph = self.build()

    def build(self):
        def body(call_id, token):
            assert token in self.values
            self.ran[call_id] += 1
            if self.breaks:
                self.breaks -= 1
                raise Broken
            return f"done with {token}"

        @secret_tool(self.broker, token="a")
        def use_a(
            text: str, call_id: Annotated[str, InjectedToolCallId], *, token: str
        ) -> str:
            """Use a."""
            return body(call_id, token)

        @secret_tool(self.broker, token="b")
        def use_b(
            text: str, call_id: Annotated[str, InjectedToolCallId], *, token: str
        ) -> str:
            """Use b."""
            return body(call_id, token)

        def model(state):
            if isinstance(state["messages"][-1], HumanMessage):
                return {"messages": [AIMessage("", tool_calls=self.script)]}
            return {"messages": [AIMessage("finished")]}

        tools = [use_a, use_b]
        builder = StateGraph(MessagesState)
        builder.add_node("model", model)
        builder.add_node("approve", approval_node(self.broker, tools))
        builder.add_node("tools", ToolNode(tools, handle_tool_errors=False))
        builder.add_edge(START, "model")
        builder.add_conditional_edges(
            "model", tools_condition, {"tools": "approve", "__end__": "__end__"}
        )
        builder.add_edge("tools", "model")
        self.saver = InMemorySaver()
        return builder.compile(checkpointer=self.saver)

    # What a test looks at

    def pending(self):
        return pending_approvals(self.graph, CONFIG)

    @property
    def idle(self):
        return not self.graph.get_state(CONFIG).next

    @property
    def waits(self):
        return bool(self.pending())

    @property
    def alone(self):
        """Whether one call waits and nothing else, so that a fault hits that one."""
        every = self.pending()
        return len(every) == 1 and len(every[0].actions) == 1

    def fresh(self, request):
        versions = {
            one["handle"]: one["version"] == self.broker.describe(one["handle"]).version
            for one in request.references
        }
        return self.now < request.expires_at and all(versions.values())

    def credit(self, request, kinds):
        if not self.fresh(request):
            return
        for call_id, kind in zip(request.tool_call_ids, kinds, strict=True):
            self.may_run[call_id] += kind in ("approve", "edit")

    def go(self, given, config=CONFIG):
        try:
            return self.stream(given, config)
        finally:
            self.settle()

    def settle(self):
        """Credit the answers that were left and are taken now, in replays too."""
        for request_id, (request, kinds) in list(self.given.items()):
            stored = self.broker.requests.find(request_id)
            if stored.status == "answered":
                self.credit(request, kinds)
            if stored.status != "open" or stored.answer is None:
                del self.given[request_id]

    def stream(self, given, config):
        modes = ["values", "updates", "messages"]
        try:
            for part in self.graph.stream(given, config, stream_mode=modes):
                self.streamed.append(repr(part))
        except (TyrumError, Broken) as error:
            self.disturbed |= not isinstance(error, AnswerRefused)
            return error
        return None

    def states(self):
        grants = self.broker.grants()
        return [
            (call_id, state)
            for request in self.broker.requests.every()
            for call_id, state in call_states(
                request, now=self.now, grants=grants
            ).items()
        ]

    # What may happen

    @precondition(lambda self: self.idle)
    @rule(names=st.lists(st.sampled_from(["use_a", "use_b"]), min_size=1, max_size=3))
    def ask(self, names):
        self.script = []
        for name in names:
            self.calls += 1
            self.script.append(
                {"name": name, "args": {"text": "x"}, "id": f"c{self.calls}"}
            )
        self.disturbed, self.breaks, self.provider.failures = False, 0, 0
        self.go({"messages": [HumanMessage("go")]})
        assert self.waits

    @precondition(lambda self: self.waits)
    @rule(kinds=st.lists(KINDS, min_size=3, max_size=3), named=st.booleans())
    def answer(self, kinds, named):
        every = self.pending()
        request = every[0]
        allowed = request.actions[0].allowed
        kinds = [
            one if one in allowed else "reject" for one in kinds[: len(request.actions)]
        ]
        each = [
            decided(kind, one.name)
            for kind, one in zip(kinds, request.actions, strict=True)
        ]
        if left := self.given.get(request.request_id):
            both = zip(left[1], kinds, strict=True)
            stricter = [max(two, key=STRICT.index) for two in both]
            self.given[request.request_id] = request, stricter
        else:
            self.credit(request, kinds)
        if named or len(every) > 1:
            self.go(request.answer(*each))
        else:
            self.go(Command(resume=decisions(*each)))

    @precondition(lambda self: self.waits)
    @rule(kinds=st.lists(KINDS, min_size=3, max_size=3))
    def leave(self, kinds):
        request = self.pending()[-1]
        allowed = request.actions[0].allowed
        kinds = [
            one if one in allowed else "reject" for one in kinds[: len(request.actions)]
        ]
        each = [
            decided(kind, one.name)
            for kind, one in zip(kinds, request.actions, strict=True)
        ]
        before = dict(self.ran)
        waiting = {one.request_id for one in self.broker.requests.waiting()}
        open_ = self.now < request.expires_at and request.request_id not in self.given
        open_ = open_ and request.request_id in waiting
        try:
            leave_answer(self.broker, request.request_id, decisions(*each))
        except TyrumError:
            assert not open_
        else:
            assert open_
            self.given[request.request_id] = request, kinds
        assert before == self.ran

    @precondition(lambda self: len(self.pending()) == 1)
    @rule(
        wrong=st.sampled_from(
            [
                decisions(approve(), approve(), approve(), approve()),
                decisions(approve(), request_id="r_" + "x" * 22),
                {"decisions": "yes"},
                {"decisions": [{"type": "approve", "grant": {"mode": "forever"}}]},
            ]
        )
    )
    def answer_wrongly(self, wrong):
        request = self.pending()[0]
        waiting = {one.request_id for one in self.broker.requests.waiting()}
        if (
            request.request_id not in waiting - set(self.given)
            or self.provider.failures
        ):
            return
        was_fresh, calls = self.fresh(request), request.tool_call_ids
        before = [self.ran[one] for one in calls]
        error = self.go(Command(resume={request.interrupt_id: wrong}))
        assert before == [self.ran[one] for one in calls]
        if was_fresh:
            assert isinstance(error, AnswerRefused)
            assert request.request_id in {
                one.request_id for one in self.broker.requests.waiting()
            }

    @precondition(lambda self: not self.idle)
    @rule()
    def run_on(self):
        self.go(None)

    @rule(name=st.sampled_from(["a", "b"]))
    def rotate(self, name):
        self.disturbed = True
        self.rotations += 1
        self.values.append(VALUE.format(f"{name}{self.rotations}"))
        self.broker.rotate(name, self.values[-1])

    @rule(hours=st.sampled_from([1, 24 * 8]))
    def wait(self, hours):
        self.disturbed = True
        self.now += timedelta(hours=hours)

    @precondition(lambda self: self.alone and not self.provider.failures)
    @rule()
    def provider_goes_down(self):
        self.provider.failures = 1

    @precondition(lambda self: self.alone and not self.breaks)
    @rule()
    def tool_breaks(self):
        self.breaks = 1

    @precondition(lambda self: self.ran)
    @rule(node=st.sampled_from(["approve", "tools"]))
    def replay(self, node):
        found = [
            one.config
            for one in self.graph.get_state_history(CONFIG)
            if node in one.next
        ]
        if found:
            self.disturbed = True
            self.go(None, found[0])

    # What always holds

    @invariant()
    def nothing_runs_without_approval(self):
        for call_id, times in self.ran.items():
            assert times <= self.may_run[call_id], (call_id, times, self.may_run)

    @invariant()
    def each_execution_spent_one_approval(self):
        spent = Counter(call for call, state in self.states() if state == "consumed")
        assert self.ran == spent

    @invariant()
    def what_was_approved_has_run(self):
        if self.calls and self.idle and not self.disturbed:
            now = [one["id"] for one in self.script]
            assert {one: self.may_run[one] for one in now} == {
                one: self.ran[one] for one in now
            }

    @invariant()
    def what_waits_is_open(self):
        # LangGraph goes on showing the question of a task that failed when answered.
        if not self.disturbed:
            open_ = {one.request_id for one in self.broker.requests.waiting()}
            assert {one.request_id for one in self.pending()} <= open_

    def teardown(self):
        with self.broker.catalog.reading() as connection:
            tables = connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'table'")
            )
            rows = [
                repr(list(connection.execute(text(f'SELECT * FROM "{name}"'))))
                for (name,) in tables
            ]
        stored = repr([self.saver.storage, self.saver.writes, self.saver.blobs])
        seen = "\n".join([stored, *rows, *self.streamed])
        for value in self.values:
            assert value not in seen
        report = self.broker.audit.verify()
        assert report.ok
        self.broker.close()


def walk(examples, steps):
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        phases=[Phase.generate],
    )
    run_state_machine_as_test(Approvals, settings=chosen)


class TestStateMachine:
    def test_short_walks(self):
        """Whatever happens in whatever order, an approval runs its call once."""
        walk(20, 12)

    @pytest.mark.slow
    def test_long_walks(self):
        """Long walks hold to the same."""
        walk(40, 25)


class TestStates:
    def test_a_lease_that_has_no_outcome(self, world, issue):
        """A use that a crash left behind is `reserved`, a spent one `consumed`."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()
        here.graph.invoke(asked.approve(), here.config)
        request = here.broker.requests.find(asked.request_id)
        grants, now = here.broker.grants(), here.broker.catalog.clock()

        crashed = call_states(
            request, now=now, grants=grants, reserved={grants[0].grant_id}
        )

        assert {"c1": "reserved"} == crashed
        assert {"c1": "consumed"} == call_states(request, now=now, grants=grants)

    def test_an_approval_whose_grant_ended(self, world, issue):
        """An approval that was revoked, or whose grant was never made, has ended."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()
        here.graph.invoke(asked.approve(grant="session"), here.config)
        request, now = here.broker.requests.find(asked.request_id), asked.expires_at
        (grant,) = here.broker.grants()

        before = call_states(request, now=now, grants=[grant])
        here.broker.revoke_grant(grant.grant_id)

        assert {"c1": "approved"} == before
        after = call_states(request, now=now, grants=here.broker.grants())
        assert {"c1": "ended"} == after
        assert {"c1": "ended"} == call_states(request, now=now)
