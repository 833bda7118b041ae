"""Values from a `.env` file, read when they are asked for. Extra `dotenv`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_tyrum.errors import ConfigError, ProviderUnavailable
from langchain_tyrum.providers.base import BaseProvider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class DotenvProvider(BaseProvider):
    """Reads a `.env` file; an empty variable counts as missing.

    The file is read anew at each call, so a change is seen. `${NAME}` in a value is
    kept as it stands: a secret may hold a dollar sign. Nothing reaches the environment
    of the process.

    Args:
        path: The file.
        label: How records and errors call it.

    Raises:
        ConfigError: The extra `dotenv` is not installed.
    """

    __slots__ = ("_path",)

    def __init__(self, path: str | Path = ".env", *, label: str = "dotenv") -> None:
        super().__init__(label)
        _parser()
        self._path = Path(path).expanduser()

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return the variable's value; the file knows no versions.

        Raises:
            ProviderUnavailable: The file is not there, or cannot be read.
        """
        del version
        if value := self._read().get(name):
            return value
        raise self._missing(name)

    def names(self) -> list[str]:
        """List the variables that have a value, sorted."""
        return sorted(name for name, value in self._read().items() if value)

    @staticmethod
    def lacking(
        options: Mapping[str, Any], names: Sequence[str], environ: Mapping[str, str]
    ) -> list[str]:
        """Tell whether the file is not there; see `BaseProvider`."""
        del names, environ
        path = Path(str(options.get("path", ".env"))).expanduser()
        return [] if path.is_file() else [f"there is no file {str(path)!r}"]

    def _read(self) -> dict[str, str]:
        reason = ""
        try:
            return read_dotenv(self._path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except UnicodeDecodeError:
            reason = "it is no UTF-8 text"
        raise ProviderUnavailable(
            f"the provider {self.label!r} cannot read {str(self._path)!r} ({reason}): "
            "put the file there, or correct its path",
            provider=self.label,
        )


def read_dotenv(path: Path) -> dict[str, str]:
    """Read the variables of a `.env` file; those without `=` are left out.

    Args:
        path: The file.

    Raises:
        ConfigError: The extra `dotenv` is not installed.
        OSError: It cannot be read.
        UnicodeDecodeError: It is no UTF-8.
    """
    parse, text = _parser(), path.read_text("utf-8-sig")
    found = parse(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in found.items() if value is not None}


def _parser() -> Any:
    try:
        from dotenv import dotenv_values  # noqa: PLC0415 - an extra
    except ImportError:
        pass
    else:
        return dotenv_values
    raise ConfigError(
        "a .env file is read by python-dotenv, which is not installed: "
        "pip install 'langchain-tyrum[dotenv]'"
    )
