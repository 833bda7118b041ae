"""Reading back every byte of a run. This knows nothing of the package it judges."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: Surfaces in the order of the table, and the files that hold what they showed.
SURFACES: dict[str, tuple[str, ...]] = {
    "model input": ("model_input.txt",),
    "approval question": ("questions.txt",),
    "stream: values, updates": ("stream_values.txt", "stream_updates.txt"),
    "stream: messages": ("stream_messages.txt",),
    "stream: custom": ("stream_custom.txt",),
    "stream: tasks, debug": ("stream_tasks.txt", "stream_debug.txt"),
    "callback handler": ("callbacks.txt",),
    "LangSmith wire": ("wire.bin",),
    "checkpoint file + WAL": ("checkpoints.db", "checkpoints.db-wal"),
    "state and its history": ("final_state.txt", "history.txt"),
    "final answer": ("result.json",),
    "logs at DEBUG": ("debug.log",),
    "stdout, stderr, repr": ("stdout.txt", "stderr.txt", "repr.txt"),
    "secret store": ("store",),
}
_MARKER = re.compile(rb"\[REDACTED(?::[^\]\s]{1,80})?\]|tyrum://h_")


@dataclass(frozen=True)
class Evidence:
    """What one run left behind.

    Attributes:
        leaks: The credentials found, by surface. Surfaces without files are missing.
        bytes_read: How much was searched.
        markers: How many markers and handles stand where values stood.
        answer: The run's last words, or None when it did not finish.
        model_calls: How often the model was asked.
        traces: How many bodies the trace backend received.
    """

    leaks: Mapping[str, frozenset[str]]
    bytes_read: int
    markers: int
    answer: str | None
    model_calls: int
    traces: int

    @property
    def total(self) -> int:
        """Pairs of surface and credential that leaked."""
        return sum(len(names) for names in self.leaks.values())


def read(folder: Path, credentials: Mapping[str, str], *, traces: int) -> Evidence:
    """Search all that a run left behind for its credentials.

    Args:
        folder: The run's folder.
        credentials: The raw values by name.
        traces: How many bodies the trace backend received.

    Returns:
        The evidence.
    """
    forms = {name: list(_forms(value)) for name, value in credentials.items()}
    leaks: dict[str, frozenset[str]] = {}
    size = markers = 0
    for surface, names in SURFACES.items():
        data = b"\n".join(_bytes(folder / name) for name in names)
        if not data.strip():
            continue
        size += len(data)
        markers += len(_MARKER.findall(data))
        leaks[surface] = frozenset(
            name
            for name, shapes in forms.items()
            if any(shape in data for shape in shapes)
        )
    told = _told(folder / "result.json")
    return Evidence(
        leaks=leaks,
        bytes_read=size,
        markers=markers,
        answer=told.get("answer"),
        model_calls=told.get("model_calls", 0),
        traces=traces,
    )


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        files = (file for file in sorted(path.rglob("*")) if file.is_file())
        return b"\n".join(file.read_bytes() for file in files)
    return path.read_bytes() if path.exists() else b""


def _told(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return dict(found)


def _forms(value: str) -> Iterator[bytes]:
    """The value, and the ways in which it is commonly disguised."""
    raw = value.encode()
    yield raw
    yield raw.hex().encode()
    yield quote(value, safe="").encode()
    yield json.dumps(value)[1:-1].encode()
    # The three alignments that base64 gives an infix; of a short one nothing is left.
    for shift in range(3) if len(raw) > 8 else ():
        padded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
        core = padded[4 if shift else 0 : -4]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))
