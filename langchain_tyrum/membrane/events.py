"""`astream_events` (v1, v2) and `astream_log`: told by callbacks, not by a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.tracers.log_stream import RunLog, RunLogPatch

from langchain_tyrum.redaction.walk.steady import steady

if TYPE_CHECKING:
    from langchain_tyrum.membrane.runs import Run


def clean_event(event: Any, run: Run) -> Any:
    """An event of `astream_events`, redacted."""
    return steady(event, run.view)


def clean_log(patch: RunLogPatch, run: Run) -> RunLogPatch:
    """A patch (or, with `diff=False`, a state) of `astream_log`, redacted."""
    ops = steady(list(patch.ops), run.view)
    if isinstance(patch, RunLog):
        return RunLog(*ops, state=steady(patch.state, run.view))
    return RunLogPatch(*ops)
