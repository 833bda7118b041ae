"""What single settings look like: the types that the tables are made of."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema


def _moment(raw: object) -> datetime:
    """Read a time; one without a zone is UTC, a date is its first moment."""
    found: object = raw
    if isinstance(raw, str):
        try:
            found = datetime.fromisoformat(raw)
        except ValueError:
            found = None
    elif isinstance(raw, date) and not isinstance(raw, datetime):
        found = datetime(raw.year, raw.month, raw.day, tzinfo=UTC)
    if not isinstance(found, datetime):
        raise ValueError("must be a time, e.g. 2027-01-31T12:00:00Z")  # noqa: TRY004
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _host(raw: str) -> str:
    if any(part in raw for part in ("/", "@", " ")):
        raise ValueError(
            "must be a host alone, without scheme, user or path: e.g. 'api.github.com'"
        )
    return raw


def _listed(raw: object) -> object:
    return [raw] if isinstance(raw, str) else raw


Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
LongName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Scope = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Text = Annotated[str, StringConstraints(min_length=1)]
Host = Annotated[Text, AfterValidator(_host)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "examples": ["2027-01-31T12:00:00Z"]}),
]
#: One pattern, or a list of them.
Patterns = Annotated[
    tuple[Text, ...],
    BeforeValidator(_listed),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}},
            ]
        }
    ),
]


def entry_form(raw: Any) -> str:
    """Which of its two forms a policy entry has."""
    return "table" if isinstance(raw, dict) else "pattern"
