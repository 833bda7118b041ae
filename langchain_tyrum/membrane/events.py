"""`astream_events` (v1, v2) and `astream_log`: told by callbacks, not by a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.tracers.log_stream import RunLog, RunLogPatch

if TYPE_CHECKING:
    from langchain_tyrum.membrane.runs import Run


def clean_event(event: Any, run: Run) -> Any:
    """An event of `astream_events`, redacted."""
    return run.view.redact(event)


def clean_log(patch: RunLogPatch, run: Run) -> RunLogPatch:
    """A patch (or, with `diff=False`, a state) of `astream_log`, redacted."""
    ops = run.view.redact(list(patch.ops))
    if isinstance(patch, RunLog):
        return RunLog(*ops, state=run.view.redact(patch.state))
    return RunLogPatch(*ops)
