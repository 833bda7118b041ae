"""Pins what this room knows of LangGraph's inside; a failure here means: look anew."""

from __future__ import annotations

import inspect

import ormsgpack
from langgraph.channels.binop import BinaryOperatorAggregate, _get_overwrite
from langgraph.channels.last_value import LastValue
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde import jsonplus
from langgraph.pregel._checkpoint import put_writes_accepts_task_path
from langgraph.types import Overwrite
from pydantic import SecretStr

from langchain_tyrum.state import compat, guard_checkpointer


def test_encoder_is_closed_over_nothing():
    """The encoder's `default` is a plain function that recurses by a global name."""
    function = jsonplus._msgpack_default

    assert function.__closure__ is None
    assert "_msgpack_enc" in function.__code__.co_names
    assert ["obj"] == list(inspect.signature(function).parameters)


def test_encoder_writes_langgraphs_bytes():
    """Without a secret our encoder writes what LangGraph's writes."""
    tree = {"a": [1, {"b"}, Overwrite("x")], 2: b"y"}

    assert jsonplus._msgpack_enc(tree) == compat.Encoder(str).any(tree)


def test_secret_is_still_unwrapped_by_langgraph():
    """LangGraph writes a SecretStr in clear, which is why the encoder is replaced."""
    assert b"in clear" in jsonplus._msgpack_enc(SecretStr("in clear"))


def test_secret_extension():
    """A SecretStr is an extension of one argument: module, name, value."""
    tree = compat.decode(jsonplus._msgpack_enc(SecretStr("v")))

    expected = compat.Extension(
        compat.SINGLE_ARGUMENT, ["pydantic.types", "SecretStr", "v"]
    )
    assert expected == tree


def test_decode_and_encode_lose_nothing():
    """Decoding to plain data and encoding again yields the same bytes."""
    data = jsonplus._msgpack_enc([{"k": {1, 2}}, Overwrite([SecretStr("v")])])

    assert data == compat.encode(compat.decode(data))


def test_foreign_extension_stays():
    """An extension whose payload is no msgpack is kept as it is."""
    data = ormsgpack.packb(ormsgpack.Ext(99, b"\xc1\xff"))

    assert data == compat.encode(compat.decode(data))


def test_overwrite_spellings():
    """These are the spellings of `Overwrite`; each carries its value visibly."""
    for spelled in (
        Overwrite(1),
        {"__overwrite__": 1},
        {"type": "__overwrite__", "value": 1},
    ):
        assert (True, 1) == _get_overwrite(spelled)


def test_channels_copy_by_constructor():
    """LangGraph's channels copy themselves by their own constructor."""
    assert ["typ", "operator"] == list(
        inspect.signature(BinaryOperatorAggregate).parameters
    )
    assert ["typ", "key"] == list(inspect.signature(LastValue).parameters)


def test_saver_methods():
    """These are the methods of a saver; a new one must be looked at."""
    known = {
        *("get", "aget", "get_tuple", "aget_tuple", "list", "alist", "put", "aput"),
        *("put_writes", "aput_writes", "delete_thread", "adelete_thread"),
        *("delete_for_runs", "adelete_for_runs", "copy_thread", "acopy_thread"),
        *("prune", "aprune", "get_delta_channel_history"),
        *("aget_delta_channel_history", "get_next_version", "with_allowlist"),
        *("config_specs", "serde"),
    }

    found = {name for name in vars(BaseCheckpointSaver) if not name.startswith("_")}

    assert known == found


def test_task_path_is_detected(redactor):
    """LangGraph asks the signature of `put_writes` whether it takes a task path."""

    class Old(BaseCheckpointSaver):
        def put_writes(self, config, writes, task_id):
            pass

    class New(BaseCheckpointSaver):
        def put_writes(self, config, writes, task_id, task_path=""):
            pass

    for cls in (Old, New):
        saver = guard_checkpointer(cls(), redactor)
        expected = put_writes_accepts_task_path(cls().put_writes)
        assert expected == put_writes_accepts_task_path(saver.put_writes)
