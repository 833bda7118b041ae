"""The states of a call that is asked about, walked at random on a real graph."""

from __future__ import annotations

import itertools
import threading
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
from langchain_tyrum.broker import SecretBroker, from_configurable
from langchain_tyrum.errors import ProviderUnavailable, TyrumError
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import MemoryProvider
from langchain_tyrum.tools import secret_tool

VALUE = "Qv7-walnut+lamp/{}"
CONFIG = {"configurable": {"thread_id": "t", "user_id": "ann"}}
STRANGER = {"configurable": {"thread_id": "u", "user_id": "bob"}}
STRICT = ["approve", "edit", "respond", "reject"]
KINDS = st.sampled_from(["approve", "approve", "reject", "respond", "edit"])
#: How far an approval reaches, as `approve` takes it.
REACHES = {
    "once": {},
    "session": {"grant": "session"},
    "an hour": {"grant": "session", "ttl_seconds": 5400},
    "two uses": {"grant": "session", "max_uses": 2},
    "always": {"grant": "always"},
}
REACH = st.sampled_from(["once", "once", "once", *REACHES])


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


def decided(kind, name, reach="once"):
    made = {
        "approve": approve(**REACHES[reach]),
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
            identity=from_configurable("user_id"),
        )
        # It ticks: what came later has a later time.
        ticks = itertools.count()
        self.broker.catalog.clock = lambda: (
            self.now + timedelta(microseconds=next(ticks))
        )
        self.lock = threading.Lock()
        self.ran, self.may_run, self.breaks = Counter(), Counter(), 0
        self.disturbed, self.values, self.rotations = False, [], 0
        self.script, self.streamed, self.given, self.calls = [], [], {}, 0
        self.wide, self.void, self.reach, self.named = {}, set(), {}, {}
        self.seen, self.widely, self.policy, self.free = {}, set(), "ask", 0
        for name in ("a", "b"):
            self.values.append(VALUE.format(name))
            self.broker.put(name, self.values[-1])
        self.graph = self.build()

    def build(self):
        def body(call_id, token):
            assert token in self.values
            with self.lock:
                self.settle()
                self.check(call_id)
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
        found = pending_approvals(self.graph, CONFIG)
        self.seen |= {one.request_id: one for one in found}
        return found

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

    def credit(self, request, kinds, reach):
        if not self.fresh(request):
            return
        for call_id, kind in zip(request.tool_call_ids, kinds, strict=True):
            once = kind == "edit" or (kind == "approve" and reach == "once")
            self.may_run[call_id] += once
            if kind == "approve" and not once:
                self.reach[request.request_id, self.named[call_id]] = REACHES[reach]
                self.widely.add(call_id)

    def check(self, call_id):
        """A call runs: a person or the policy has agreed to it."""
        assert self.policy != "deny"
        if self.policy == "allow":
            self.free += 1
            self.may_run[call_id] += 1
        elif self.ran[call_id] >= self.may_run[call_id]:
            assert not call_id.startswith("stranger")
            assert self.reaching(self.named[call_id])
            self.may_run[call_id] += 1
        self.ran[call_id] += 1

    def reaching(self, tool):
        """The grants for more than one call that a tool may use now."""
        for one in self.broker.grants():
            if one.mode != "once" and one.grant_id not in self.wide:
                said = self.reach[one.request_id, one.tool_id]
                assert (said["grant"], said.get("max_uses")) == (one.mode, one.max_uses)
                assert ("ttl_seconds" in said) == bool(one.expires_at)
                self.wide[one.grant_id] = one
        return [
            one
            for one in self.wide.values()
            if one.tool_id == tool
            and one.grant_id not in self.void
            and (one.expires_at is None or self.now < one.expires_at)
        ]

    def go(self, given, config=CONFIG):
        try:
            return self.stream(given, config)
        finally:
            self.settle()

    def settle(self):
        """Credit the answers that were left and are taken now, in replays too."""
        for request_id, (request, kinds, reach) in list(self.given.items()):
            stored = self.broker.requests.find(request_id)
            if stored.status == "answered":
                self.credit(request, kinds, reach)
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
            self.named[f"c{self.calls}"] = name
            self.script.append(
                {"name": name, "args": {"text": "x"}, "id": f"c{self.calls}"}
            )
        self.disturbed, self.breaks, self.provider.failures = False, 0, 0
        reaching = {name: self.reaching(name) for name in names}
        self.go({"messages": [HumanMessage("go")]})
        asked = {one for request in self.pending() for one in request.tool_call_ids}
        for one in self.script:
            grants = reaching[one["name"]]
            if self.policy != "ask" or any(one.max_uses is None for one in grants):
                assert one["id"] not in asked
            elif not grants:
                assert one["id"] in asked

    @precondition(lambda self: self.waits)
    @rule(
        kinds=st.lists(KINDS, min_size=3, max_size=3), reach=REACH, named=st.booleans()
    )
    def answer(self, kinds, reach, named):
        every = self.pending()
        request = every[0]
        allowed = request.actions[0].allowed
        kinds = [
            one if one in allowed else "reject" for one in kinds[: len(request.actions)]
        ]
        each = [
            decided(kind, one.name, reach)
            for kind, one in zip(kinds, request.actions, strict=True)
        ]
        if left := self.given.get(request.request_id):
            both = zip(left[1], kinds, strict=True)
            stricter = [max(two, key=STRICT.index) for two in both]
            both = reach if reach == left[2] else "once"
            self.given[request.request_id] = request, stricter, both
        else:
            self.credit(request, kinds, reach)
        if named or len(every) > 1:
            self.go(request.answer(*each))
        else:
            self.go(Command(resume=decisions(*each)))

    @precondition(lambda self: self.waits)
    @rule(kinds=st.lists(KINDS, min_size=3, max_size=3), reach=REACH)
    def leave(self, kinds, reach):
        request = self.pending()[-1]
        allowed = request.actions[0].allowed
        kinds = [
            one if one in allowed else "reject" for one in kinds[: len(request.actions)]
        ]
        each = [
            decided(kind, one.name, reach)
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
            self.given[request.request_id] = request, kinds, reach
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
            or self.policy != "ask"
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

    @precondition(lambda self: not self.idle and self.seen)
    @rule(pick=st.integers(min_value=0, max_value=9), named=st.booleans())
    def answer_late(self, pick, named):
        """Somebody agrees to a question that is not asked any more, by its id."""
        waiting = {one.request_id for one in self.pending()}
        gone = [one for name, one in self.seen.items() if name not in waiting]
        if gone:
            old = gone[pick % len(gone)]
            yes = decisions(*[approve()] * len(old.actions))
            command = Command(resume={old.interrupt_id: yes})
            self.go(old.approve() if named else command)

    @precondition(lambda self: not self.idle)
    @rule()
    def run_on(self):
        self.go(None)

    @rule(name=st.sampled_from(["use_a", "use_b"]))
    def stranger_asks(self, name):
        """Another user's thread: whatever was agreed to here, it waits there."""
        mine, self.script = (
            self.script,
            [{"name": name, "args": {"text": "x"}, "id": f"stranger{name}"}],
        )
        waits = self.graph.get_state(STRANGER).next
        self.stream(None if waits else {"messages": [HumanMessage("go")]}, STRANGER)
        self.script = mine
        if self.policy == "ask":
            assert pending_approvals(self.graph, STRANGER)

    @precondition(lambda self: self.policy == "ask" or self.idle)
    @rule(policy=st.sampled_from(["ask", "allow", "deny"]))
    def change_policy(self, policy):
        self.disturbed, self.policy = True, policy
        layers = {
            "ask": SecretPolicy(require_approval=["*"]),
            "allow": SecretPolicy(allow=["*"]),
            "deny": SecretPolicy(deny=["*"]),
        }
        object.__setattr__(self.broker._core, "layers", (layers[policy],))

    @rule(pick=st.integers(min_value=0, max_value=9))
    def revoke_grant(self, pick):
        active = [one for one in self.broker.grants() if one.status == "active"]
        if active:
            grant = active[pick % len(active)]
            self.disturbed = True
            self.void.add(grant.grant_id)
            self.broker.revoke_grant(grant.grant_id)

    @rule(name=st.sampled_from(["a", "b"]))
    def rotate(self, name):
        self.disturbed = True
        self.rotations += 1
        self.values.append(VALUE.format(f"{name}{self.rotations}"))
        self.void |= {
            one.grant_id
            for one in self.broker.grants()
            if (one.mode, one.tool_id) == ("session", f"use_{name}")
        }
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
            where = CONFIG["configurable"] | found[0]["configurable"]
            self.go(None, {"configurable": where})

    # What always holds

    @invariant()
    def nothing_runs_without_approval(self):
        for call_id, times in self.ran.items():
            assert times <= self.may_run[call_id], (call_id, times, self.may_run)

    @invariant()
    def each_execution_spent_one_use(self):
        uses = sum(one.uses for one in self.broker.grants())
        assert sum(self.ran.values()) == uses + self.free

    @invariant()
    def no_grant_is_used_too_often(self):
        for one in self.broker.grants():
            assert one.max_uses is None or one.uses <= one.max_uses

    @invariant()
    def what_was_approved_has_run(self):
        if self.calls and self.idle and not self.disturbed:
            for one in self.script:
                assert self.may_run[one["id"]] == self.ran[one["id"]]
                assert one["id"] not in self.widely or self.ran[one["id"]]

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
        walk(14, 12)

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
