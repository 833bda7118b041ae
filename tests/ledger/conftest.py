"""A catalog of schema 1, as an older version of the package left it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from sqlalchemy import text

_FOLDER = Path(__file__).parent / "schema_1"


def _value(raw):
    if isinstance(raw, dict):
        return base64.b64decode(raw["base64"])
    return raw


@pytest.fixture
def old_key() -> bytes:
    """The master key under which the old catalog was filled."""
    return bytes(range(32))


@pytest.fixture
def fill_schema_1():
    """Make the tables of schema 1 on an engine, and put the old rows into them."""

    def fill(engine) -> None:
        ddl = (_FOLDER / f"{engine.dialect.name}.sql").read_text()
        rows = json.loads((_FOLDER / "rows.json").read_text())
        with engine.begin() as connection:
            for statement in filter(None, map(str.strip, ddl.split(";"))):
                connection.execute(text(statement))
            for table, found in rows.items():
                for row in found:
                    names = ", ".join(f'"{name}"' for name in row)
                    marks = ", ".join(f":{name}" for name in row)
                    connection.execute(
                        text(f"INSERT INTO {table} ({names}) VALUES ({marks})"),
                        {name: _value(raw) for name, raw in row.items()},
                    )

    return fill
