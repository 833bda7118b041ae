"""What the tests of durable state share: canaries, and a reader of raw bytes."""

from __future__ import annotations

import base64
import json
import pickle
import urllib.parse
from pathlib import Path

import pytest

from langchain_tyrum.redaction import Redactor

#: Registered values without a shape that any detector could know.
CANARY = "Zq7-mango lamp/3+9"
OTHER = 'plum&wader=41 "kite"'
#: A value with a shape, registered nowhere.
SHAPED = "ghp_" + "a1B2c3D4e5F6" * 3


@pytest.fixture
def canary() -> str:
    return CANARY


@pytest.fixture
def other_canary() -> str:
    return OTHER


@pytest.fixture
def shaped() -> str:
    return SHAPED


@pytest.fixture
def redactor() -> Redactor:
    made = Redactor()
    made.register("vault/canary", CANARY)
    made.register("vault/other", OTHER)
    return made


def _forms(value: str) -> dict[str, bytes]:
    raw = value.encode()
    forms = {
        "raw": raw,
        "json": json.dumps(value)[1:-1].encode(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "url": urllib.parse.quote(value, safe="").encode(),
        "url-plus": urllib.parse.quote_plus(value).encode(),
        "base64": base64.b64encode(raw).rstrip(b"=")[:-1],
        "base64url": base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1],
    }
    for skip in (1, 2):
        shifted = base64.b64encode(b"\0" * skip + raw)
        forms[f"base64+{skip}"] = shifted[4:-4]
    return forms


@pytest.fixture
def leaks():
    """Return the names of all forms in which canaries stand in some bytes."""

    def find(data: bytes, *values: str) -> list[str]:
        return [
            f"{name} of {value[:3]}…"
            for value in values or (CANARY, OTHER)
            for name, form in _forms(value).items()
            if form in data
        ]

    return find


@pytest.fixture
def sqlite_bytes():
    """Return every byte of a database: the file, its -wal and its -journal."""

    def read(path: Path | str) -> bytes:
        files = [Path(f"{path}{suffix}") for suffix in ("", "-wal", "-journal")]
        return b"\n".join(file.read_bytes() for file in files if file.exists())

    return read


@pytest.fixture
def memory_bytes():
    """Return every byte of an InMemorySaver: .storage, .writes and .blobs."""

    def read(saver) -> bytes:
        storage = {
            k: {n: dict(v) for n, v in ns.items()} for k, ns in saver.storage.items()
        }
        return pickle.dumps([storage, dict(saver.writes), dict(saver.blobs)])

    return read
