"""What is written for a trace is what langsmith writes, and it is written once."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import json
import uuid

import langsmith
import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langsmith import RunTree
from langsmith._internal import _operations
from langsmith._internal._serde import dumps_json
from pydantic import BaseModel, ConfigDict, model_serializer

from langchain_tyrum.traces import compat, guard_client


class _Free(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    thing: object
    left: int | None = None


class _OwnDump(BaseModel):
    a: int = 1

    def model_dump(self, **kwargs):
        return {"own": "dump"}


class _OwnSerializer(BaseModel):
    a: int = 1

    @model_serializer
    def write(self):
        return {"own": "serializer"}


class _Plain:
    def __str__(self):
        return "plain"


ODD = {
    "messages": [
        HumanMessage("größe\n\u2028", id="1"),
        AIMessage("", tool_calls=[{"name": "t", "args": {"a": None}, "id": "c"}]),
        ToolMessage("x", tool_call_id="c", artifact=_Plain()),
        AIMessage("x", additional_kwargs={"a": {1: (1, 2)}, "b": {3}, "c": 2**70}),
        AIMessage("x", response_metadata={"f": float("nan"), "g": 1e300}),
    ],
    "document": Document("text", metadata={"a": b"bytes"}),
    "models": [_Free(thing=_Plain()), _OwnDump(), _OwnSerializer(), _Free],
    "rest": [
        uuid.UUID(int=7),
        dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
        decimal.Decimal("1.5"),
        collections.deque([1, 2]),
        ValueError("v"),
        b"bytes",
    ],
}


def _written(value):
    return compat.dumps(value, on_bytes=bytes, on_odd=lambda odd: odd)


class TestDumps:
    @pytest.mark.parametrize("name", ODD)
    def test_as_langsmith_writes_it(self, name):
        """Messages, models and odd objects come out byte for byte as langsmith's."""
        assert dumps_json(ODD[name]) == _written(ODD[name])

    def test_surrogates_and_odd_keys(self):
        """What needs langsmith's slow path takes it."""
        odd = {"a": "\ud800 lone", (1, 2): "pair", "m": HumanMessage("x")}

        assert dumps_json(odd) == _written(odd)


class TestWritten:
    def test_it_is_sent_as_it_stands(self):
        """Langsmith's operations take the bytes themselves, without a copy."""
        data = b'{"a":1}'
        run = {"id": "i", "trace_id": "i", "inputs": compat.written(data)}

        assert data is _operations.serialize_run_dict("post", run).inputs

    def test_where_langsmith_writes_by_itself(self):
        """Anywhere else it is written as the object that it stands for."""
        nested = {"run": compat.written(b'{"a":[1,{"b":null}]}')}

        assert {"run": {"a": [1, {"b": None}]}} == json.loads(dumps_json(nested))

    def test_other_objects_are_written_as_before(self):
        """The operations' own writer is what writes everything else."""
        compat.written(b"{}")

        assert dumps_json(ODD["messages"]) == _operations._dumps_json(ODD["messages"])

    def test_a_client_that_sends_by_itself(self, sink, redactor, kit):
        """A subclass that sends on its own is given data that it can read."""
        seen = []

        class Own(langsmith.Client):
            def _create_run(self, run_create, **kwargs):
                seen.append(run_create["inputs"]["a"])

        for client in (
            guard_client(Own(api_url=sink.url, api_key="k"), redactor),
            type("Sub", (Own,), {})(api_url=sink.url, api_key="k"),
        ):
            RunTree(
                name="n",
                inputs={"a": [kit.canary("input")]},
                ls_client=guard_client(client, redactor),
                project_name="tests",
            ).post()

        assert [["[REDACTED:c/input]"]] * 2 == seen
