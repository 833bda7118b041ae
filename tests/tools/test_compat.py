"""The private names of LangChain and LangGraph that isolation stands on."""

import inspect

from langchain_core.tools import BaseTool
from langgraph._internal import _constants
from langgraph._internal._scratchpad import PregelScratchpad
from langgraph.prebuilt.tool_node import ToolNode, ToolRuntime
from langgraph.types import interrupt

from langchain_tyrum.tools import compat


class TestPins:
    def test_interrupt_asks_the_scratchpad_for_its_number_first(self):
        """That is where an interrupt inside a lease is refused."""
        source = inspect.getsource(interrupt)
        assert "scratchpad.interrupt_counter()" in source
        fields = set(PregelScratchpad.__dataclass_fields__)
        stand_in = set(dir(compat._NoInterrupts()))
        assert {"step", "stop"} == fields - stand_in

    def test_every_door_of_pregel_has_the_prefix(self):
        """Whatever is not kept by name is dropped by its prefix."""
        doors = {
            value
            for name, value in vars(_constants).items()
            if name.startswith("CONFIG_KEY_") and isinstance(value, str)
        }
        public = {
            "thread_id", "checkpoint_map", "checkpoint_id", "checkpoint_ns",
        }  # fmt: skip
        assert public == {door for door in doors if not door.startswith("__pregel_")}

    def test_a_tool_run_goes_through_what_is_overridden(self):
        """BaseTool hands its input to `_to_args_and_kwargs` and calls `_run`."""
        source = inspect.getsource(BaseTool.run)
        assert "self._to_args_and_kwargs(" in source
        assert "context.run(self._run, *tool_args, **tool_kwargs)" in source

    def test_tool_node_reads_hints_from_func(self):
        """The runtime is injected by the annotations of `func`."""
        module = inspect.getmodule(ToolNode)
        source = inspect.getsource(module._get_all_injected_args)
        assert 'getattr(tool, "func", None)' in source
        assert {"tools", "config", "stream_writer", "store"} <= set(
            ToolRuntime.__dataclass_fields__
        )
