"""Values from the environment of the process, read when they are asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from langchain_tyrum.errors import SecretNotFound
from langchain_tyrum.providers.base import BaseProvider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class EnvProvider(BaseProvider):
    """Reads environment variables; an empty one counts as missing.

    Nothing is captured when it is built, so a variable that changes later is seen.

    Args:
        variables: The variable of each name; a name that is not listed is taken for
            the variable itself. When given, only the listed ones are in `names`.
        label: How records and errors call it.
        environ: The environment, for tests.
    """

    __slots__ = ("_environ", "_variables")

    def __init__(
        self,
        variables: Mapping[str, str] | None = None,
        *,
        label: str = "env",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(label)
        self._variables = dict(variables or {})
        self._environ = os.environ if environ is None else environ

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return the variable's value; the environment knows no versions.

        It is text, or bytes where it is no UTF-8.
        """
        del version
        variable = self._variables.get(name, name)
        if value := self._environ.get(variable):
            return _as_set(value)
        raise SecretNotFound(
            f"the provider {self.label!r} finds no {name!r}: the environment variable "
            f"{variable!r} is unset or empty; set it",
            handle=name,
        )

    def names(self) -> list[str]:
        """List the names it was told of whose variables are set, sorted."""
        return sorted(
            name
            for name, variable in self._variables.items()
            if self._environ.get(variable)
        )

    @staticmethod
    def wrong_name(name: str) -> str:
        """Tell what can be no environment variable; see `BaseProvider`."""
        if "=" in name or "\0" in name:
            return "no environment variable has '=' in its name; write e.g. 'API_TOKEN'"
        return ""

    @staticmethod
    def lacking(
        options: Mapping[str, Any], names: Sequence[str], environ: Mapping[str, str]
    ) -> list[str]:
        """Tell which variables are unset or empty; see `BaseProvider`."""
        known = options.get("variables") or {}
        wanted = dict.fromkeys(str(known.get(name, name)) for name in names)
        return [unset(variable) for variable in wanted if not environ.get(variable)]


def unset(variable: str) -> str:
    """Tell that a variable is not there, as `lacking` does."""
    return f"the environment variable {variable!r} is unset or empty"


def _as_set(value: str) -> str | bytes:
    """The text, or the bytes that Python spells with lone surrogates."""
    try:
        raw = value.encode(errors="surrogateescape")
    except UnicodeError:  # set by Python code; the broker refuses it
        return value
    return value if raw.decode(errors="ignore") == value else raw
