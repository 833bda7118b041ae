"""`${NAME}` in a settings file: what the environment of the process says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: `$${` is a literal `${`; `${…}` is a variable.
_MARK = re.compile(r"\$\$\{|\$\{([^{}]*)\}?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Scheme, user and password, and the rest of a URL that has them.
_LOGIN = re.compile(r"([A-Za-z][\w+.-]*://)([^@/?#\s]*)(@.*)", re.DOTALL)
_MIN_MASKED = 3


def is_waiting(text: object) -> bool:
    """Whether a text names a variable, and so is not known before it is filled."""
    return isinstance(text, str) and any(
        match.group(1) is not None for match in _MARK.finditer(text)
    )


def without_variables(text: str) -> str:
    """A text's literal part: what everybody who reads the file can see."""
    return _MARK.sub(lambda match: "${" if match.group(1) is None else "", text)


class Variables:
    """The environment, and what was taken from it.

    Args:
        environ: The environment.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.__environ = environ
        self.__used: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Variables(used={len(self.__used)})"

    def fill(self, text: str, problem: Callable[[str], None]) -> str:
        """Put values in place of variables.

        In the part of a URL that names user and password they are escaped, so that a
        password may hold `@` and `/`.

        Args:
            text: A string of the file.
            problem: Called with what is wrong, e.g. with a variable that is not set.

        Returns:
            The text with the values.
        """
        login = _LOGIN.fullmatch(text)
        if not login:
            return self._filled(text, problem, str)
        scheme, who, rest = login.groups()
        escaped = self._filled(who, problem, lambda value: quote(value, safe=""))
        plain = self._filled(rest, problem, str)
        return self._filled(scheme, problem, str) + escaped + plain

    def mask(self, text: str) -> str:
        """Take what came from the environment out of somebody else's text."""
        for value in sorted(self.__used, key=len, reverse=True):
            if len(value) >= _MIN_MASKED:
                text = text.replace(value, f"${{{self.__used[value]}}}")
        return text

    def _filled(
        self, text: str, problem: Callable[[str], None], write: Callable[[str], str]
    ) -> str:
        def value_of(match: re.Match[str]) -> str:
            name = match.group(1)
            if name is None:
                return "${"
            if not match.group().endswith("}") or not _NAME.fullmatch(name):
                problem(
                    "this is no variable: write ${NAME} with letters, digits and '_' "
                    "only; a literal '${' is written '$${'"
                )
                return ""
            value = self.__environ.get(name, "")
            if not value:
                problem(
                    f"the environment variable {name!r} is unset or empty; set it, or "
                    "remove it from the file"
                )
                return ""
            for form in (value, write(value)):
                self.__used[form] = name
            return write(value)

        return _MARK.sub(value_of, text)
