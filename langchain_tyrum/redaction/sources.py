"""Where a guard gets its redactor from: itself, or the broker that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from langchain_tyrum.redaction.redactor import Redactor


def redactor_of(source: Any) -> Redactor:
    """Return the redactor of a broker, or the redactor itself.

    Raises:
        ConfigError: It is neither.
    """
    found = getattr(source, "redactor", source)
    if not callable(getattr(found, "redact_text", None)):
        raise ConfigError(
            f"a {type(source).__name__!r} is no redactor: pass broker, or "
            "broker.redactor"
        )
    return cast("Redactor", found)
