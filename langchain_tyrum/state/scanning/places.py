"""What is no table: savers and stores in memory or of another make, trace exports."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_tyrum.state.scanning.texts import look_at_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.store.base import BaseStore, Item

    from langchain_tyrum.state.scanning.examine import Examiner

_PAGE = 100


def scan_memory(saver: InMemorySaver, examiner: Examiner) -> None:
    """Look into an `InMemorySaver`."""
    for (thread, ns, channel, version), typed in list(saver.blobs.items()):
        examiner.row()
        place = examiner.place("blobs", thread=thread, channel=channel)
        examiner.keys(place, {"thread_id": thread, "checkpoint_ns": ns})
        examiner.keys(place, {"channel": channel, "version": version})
        if (new := examiner.typed(place, *typed)) is not None:
            saver.blobs[thread, ns, channel, version] = new
    for thread, spaces in list(saver.storage.items()):
        for found in list(spaces.values()):
            for checkpoint, (main, metadata, parent) in list(found.items()):
                examiner.row()
                place = examiner.place("storage", thread=thread, checkpoint=checkpoint)
                new = examiner.typed(place, *main, whole=True)
                other = examiner.typed(place, *metadata)
                found[checkpoint] = (new or main, other or metadata, parent)
    for (thread, _, checkpoint), writes in list(saver.writes.items()):
        for key, (task, channel, typed, path) in list(writes.items()):
            examiner.row()
            ids = {"thread": thread, "checkpoint": checkpoint, "channel": channel}
            place = examiner.place("writes", **ids)
            examiner.keys(place, {"channel": channel, "task_path": path})
            if (new := examiner.typed(place, *typed)) is not None:
                writes[key] = (task, channel, new, path)


def scan_saver(saver: BaseCheckpointSaver[Any], examiner: Examiner) -> None:
    """Look into what any saver lists; there is no way to write it anew."""
    examiner.repair = False
    for saved in saver.list(None):
        examiner.row()
        ids = saved.config["configurable"]
        thread, checkpoint = ids.get("thread_id"), ids.get("checkpoint_id")
        place = examiner.place("checkpoints", thread=thread, checkpoint=checkpoint)
        examiner.keys(place, dict(ids))
        examiner.checkpoint(place, saved.checkpoint)
        examiner.value(place, saved.metadata)
        examiner.value(place, saved.pending_writes)


def scan_store(store: BaseStore, examiner: Examiner) -> None:
    """Look into any store; items are written anew once all were read."""
    held = []
    for item in _items(store):
        examiner.row()
        prefix = "/".join(item.namespace)
        place = examiner.place("store", thread=prefix, checkpoint=item.key)
        examiner.keys(place, {"namespace": prefix, "key": item.key})
        cleaned = examiner.value(place, item.value)
        if cleaned is not None:
            held.append((item.namespace, item.key, cleaned))
    for namespace, key, cleaned in held:
        store.put(namespace, key, cleaned)


def _items(store: BaseStore) -> Iterator[Item]:
    start = 0
    while page := store.search((), limit=_PAGE, offset=start):
        yield from page
        start += len(page)


def scan_lines(path: Path, examiner: Examiner) -> None:
    """Look into a file of JSON lines; it is replaced once all of it was read."""
    folder = str(path.parent)
    with tempfile.NamedTemporaryFile("wb", dir=folder, delete=False) as made:
        try:
            changed = False
            with path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    new = _line(line, number, examiner)
                    changed = changed or new is not None
                    made.write(line if new is None else new)
            made.flush()
            os.fsync(made.fileno())
        except BaseException:
            Path(made.name).unlink()
            raise
    if changed:
        shutil.copymode(path, made.name)
        Path(made.name).replace(path)
    else:
        Path(made.name).unlink()


def _line(line: bytes, number: int, examiner: Examiner) -> bytes | None:
    text = line.rstrip(b"\r\n")
    if not text.strip():
        return None
    examiner.row()
    new = look_at_json(examiner, examiner.place(f"line {number}"), text, line=True)
    return None if new is None else new + line[len(text) :]
