"""Which questions the graphs of a checkpointer wait for."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

_INTERRUPT = "__interrupt__"


def waited_for(url: str, places: Iterable[tuple[str, str]]) -> set[str]:
    """Tell which requests stand in the newest checkpoints of some places.

    Args:
        url: A SQLite file, `sqlite:///FILE` or `postgresql://…`.
        places: Threads, and the namespace of the graph that asked.

    Returns:
        Ids of requests that wait there.

    Raises:
        ConfigError: There is no such file, a package is missing, the server cannot be
            reached, or the checkpoints cannot be read.
    """
    failed = ""
    found: set[str] = set()
    with ExitStack() as stack:
        try:
            saver = _open(url, stack)
            for thread_id, namespace in places:
                where = {"thread_id": thread_id, "checkpoint_ns": namespace}
                found |= _asked(saver.get_tuple({"configurable": where}))
        except ConfigError:
            raise
        except Exception as error:  # drivers quote the address, and what was stored
            failed = type(error).__name__
    if failed:
        raise ConfigError(
            f"the checkpoints cannot be read ({failed}): correct --checkpoints; those "
            "that are encrypted can be answered without it"
        )
    return found


def _open(url: str, stack: ExitStack) -> BaseCheckpointSaver[Any]:
    try:
        if url.startswith(("postgresql", "postgres:")):
            from langgraph.checkpoint.postgres import (  # noqa: PLC0415 - optional
                PostgresSaver,
            )

            address = url.replace("postgresql+psycopg:", "postgresql:", 1)
            return stack.enter_context(PostgresSaver.from_conn_string(address))
        from langgraph.checkpoint.sqlite import (  # noqa: PLC0415 - optional
            SqliteSaver,
        )
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        path = Path(url.removeprefix("sqlite:///")).expanduser()
        if not path.is_file():
            raise ConfigError(f"there is no file {str(path)!r}: correct --checkpoints")
        return stack.enter_context(SqliteSaver.from_conn_string(str(path)))
    raise ConfigError(
        f"--checkpoints needs {missing}: pip install langgraph-checkpoint-sqlite or "
        "'langchain-tyrum[postgres]'"
    )


def _asked(saved: CheckpointTuple | None) -> set[str]:
    writes = (saved.pending_writes or ()) if saved else ()
    values = [
        interrupt.value
        for _, channel, written in writes
        if channel == _INTERRUPT
        for interrupt in (written if isinstance(written, list | tuple) else (written,))
    ]
    blocks = [one.get("tyrum") for one in values if isinstance(one, dict)]
    return {
        str(one["request_id"])
        for one in blocks
        if isinstance(one, dict) and "request_id" in one
    }
