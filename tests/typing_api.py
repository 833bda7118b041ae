"""Only type-checked, never run: pins the public signatures."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, Any, assert_type

from langchain_core.messages import AnyMessage
from langchain_core.tools import BaseTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph

import langchain_tyrum
from langchain_tyrum import (
    RedactingCallbackHandler,
    SecretBroker,
    SecretPolicy,
    TyrumMiddleware,
    approval_node,
    guarded,
    install_tracing,
    protect,
    secret_tool,
    wrap_tool,
)
from langchain_tyrum.broker import CallIdentity, Decision, Problem, from_configurable
from langchain_tyrum.handles import (
    SecretHandle,
    SecretRecord,
    SecretReference,
    SecretValue,
)
from langchain_tyrum.redaction import Finding, Redactor
from langchain_tyrum.state import guard_checkpointer

assert_type(langchain_tyrum.CallIdentity(user="ada"), CallIdentity)

policy = SecretPolicy(
    default="require_approval",
    allow=["weather:*"],
    require_approval=["*:write"],
    deny=["prod:*"],
)
broker = SecretBroker.in_memory({"serp/key": "value"}, policy=policy)
assert_type(broker, SecretBroker)
assert_type(SecretBroker.local("tyrum.db", policy=policy), SecretBroker)

handle = broker.put(
    "github/token",
    "value",
    scope="github:write",
    provider="memory",
    owner="alice",
    environment="production",
    allowed_hosts=["api.github.com"],
    expires_at=datetime.now(UTC),
    replace=True,
    allow_short=False,
)
assert_type(handle, SecretHandle)
assert_type(SecretHandle.parse("tyrum://h_x"), SecretHandle)
assert_type(broker.rotate(handle, "next"), SecretRecord)
assert_type(broker.revoke("github/token", reason="left"), SecretRecord)
assert_type(broker.reauthorize(handle, "next"), SecretRecord)
assert_type(broker.purge(handle, keep=1), int)
assert_type(broker.handles(), list[SecretHandle])
assert_type(broker.describe(handle), SecretRecord)
assert_type(
    broker.reference(handle, alias="gh", tools=["t"], display_name="Bot"),
    SecretReference,
)
assert_type(broker.references("t"), list[SecretReference])
assert_type(broker.arm(), int)
assert_type(broker.verify(), list[Problem])

call = CallIdentity.from_config({}, identity=from_configurable("user_id"))
lease: AbstractContextManager[SecretValue] = broker.lease(
    handle, tool_id="t", call=call
)
alease: AbstractAsyncContextManager[SecretValue] = broker.alease(handle, tool_id="t")
assert_type(broker.decide("t", [handle], call=call), Decision)
grant = broker.grant(
    mode="session", tool_id="t", scopes=["s"], ttl_seconds=60, max_uses=3, call=call
)
broker.revoke_grant(grant.grant_id)

assert_type(broker.redactor, Redactor)
redactor = Redactor()
redactor.register("name", "value", tenant="default", owner=None)
redactor.unregister("name")
assert_type(redactor.redact_text("text"), str)
assert_type(redactor.redact_bytes(b"text"), bytes)
assert_type(redactor.scan({}), list[Finding])
assert_type(redactor.view(call), Redactor)
with redactor.stream() as stream:
    assert_type(stream.feed("chunk"), str)
    rest: str = stream.close()


@secret_tool(broker, token="github/token")
def create_issue(title: str, *, token: str) -> str:
    """Open an issue."""
    return title + token


def tools(plain: BaseTool) -> list[BaseTool]:
    """Both ways to a tool with secrets."""
    return [create_issue, wrap_tool(plain, broker, secrets={"api_key": "serp/key"})]


def membrane(
    graph: CompiledStateGraph[Any, Any, Any, Any], saver: InMemorySaver
) -> None:
    """`protect` and the guards keep the type that they are given."""
    assert_type(
        protect(graph, broker, mode="redact", verify=True),
        CompiledStateGraph[Any, Any, Any, Any],
    )
    assert_type(guard_checkpointer(saver, redactor), InMemorySaver)
    TyrumMiddleware(broker, approvals=True, intake=True)
    approval_node(broker, [create_issue], approved="tools", rejected="model")
    RedactingCallbackHandler(None, redactor)
    with install_tracing(broker, logs=True):
        pass


class State:
    """A state whose messages are guarded."""

    messages: Annotated[list[AnyMessage], guarded(add_messages, redactor)]
