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
    is_class = isinstance(found, type)
    if is_class or not callable(getattr(found, "redact_text", None)):
        what = "class" if is_class else type(source).__name__
        raise ConfigError(f"a {what!r} is no redactor: pass broker, or broker.redactor")
    return cast("Redactor", found)
