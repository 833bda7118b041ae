"""The problems of one settings file, told all at once."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from langchain_tyrum.broker.config.keys import shown, shown_name
from langchain_tyrum.broker.config.positions import Positions
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from langchain_tyrum.broker.config.keys import Key


class Report:
    """What is wrong with a file, by key. What stands in it is never repeated.

    Args:
        file: The file, as errors name it.
        text: What it holds.
    """

    def __init__(self, file: Path, text: str) -> None:
        self.file = file
        self._positions = Positions(text)
        self._problems: dict[tuple[Key, str], None] = {}

    def __repr__(self) -> str:
        return f"Report({str(self.file)!r}, problems={len(self._problems)})"

    def add(self, key: Key, what: str) -> None:
        """Note a problem; told twice, it counts once."""
        self._problems[key, what] = None

    def mentions(self, key: Key) -> bool:
        """Whether something is wrong there already."""
        return any(known == key for known, _ in self._problems)

    def has_below(self, key: Key) -> bool:
        """Whether something is wrong there, or further in."""
        return any(known[: len(key)] == key for known, _ in self._problems)

    def lines(self) -> list[str]:
        """One line per problem, `file:line: key: what is wrong; mend`, by line."""
        placed = [
            (self._positions.line(key), shown(key), what)
            for key, what in self._problems
        ]
        return [
            f"{self.file}:{line}: {key}: {what}" for line, key, what in sorted(placed)
        ]

    def refuse(self) -> None:
        """Raise what was noted.

        Raises:
            ConfigError: Something was.
        """
        if self._problems:
            raise ConfigError("\n".join(self.lines()))

    def error(self, key: Key, what: str) -> ConfigError:
        """An error about one key alone, for whoever raises it."""
        line = self._positions.line(key)
        return ConfigError(f"{self.file}:{line}: {shown(key)}: {what}")


def meant(word: object, known: Iterable[str], *, what: str = "known") -> str:
    """Propose the closest of what is known, and list it."""
    names = sorted(map(shown_name, known))
    close = get_close_matches(str(word), names, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}{what}: {', '.join(names) or 'none'}"
