"""Parameters whose names say that they take a credential."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_LAST = frozenset(
    {
        "apikey",
        "authorization",
        "bearer",
        "credential",
        "credentials",
        "passphrase",
        "passwd",
        "password",
        "pat",
        "pwd",
        "secret",
        "token",
    }
)
_LAST_TWO = frozenset(
    {
        ("access", "key"),
        ("api", "key"),
        ("auth", "key"),
        ("private", "key"),
        ("secret", "key"),
        ("signing", "key"),
    }
)
#: Tokens that page through results or mark time, and open nothing.
_HARMLESS = frozenset(
    {"continuation", "cursor", "eos", "max", "next", "page", "pagination", "sync"}
)


class SecretParameterWarning(UserWarning):
    """A tool lets the model fill a parameter that is named like a credential."""


def named_like_secret(parameter: str) -> bool:
    """Say whether a parameter's name promises a credential.

    Args:
        parameter: The name, in snake or camel case.
    """
    words = [word.lower() for word in _WORDS.findall(parameter)]
    if not words or _HARMLESS.intersection(words):
        return False
    return words[-1] in _LAST or tuple(words[-2:]) in _LAST_TWO


def warn_unbound(tool: str, parameters: Iterable[str], *, stacklevel: int = 3) -> None:
    """Warn of parameters that the model would have to fill with raw credentials.

    Args:
        tool: The tool's name.
        parameters: What the model may fill.
        stacklevel: As for `warnings.warn`.
    """
    for parameter in parameters:
        if named_like_secret(parameter):
            warnings.warn(
                f"the model fills {parameter!r} of tool {tool!r}, which is named like "
                f"a credential: bind it with secrets={{{parameter!r}: "
                "'<secret name>'}, or rename it",
                SecretParameterWarning,
                stacklevel=stacklevel,
            )
