"""Values from 1Password, read with its command line program `op`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from langchain_tyrum.errors import (
    ConfigError,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
)
from langchain_tyrum.providers.base import BaseProvider
from langchain_tyrum.providers.programs import CannotRun, TookTooLong, run

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEME = "op://"
#: All that the program is given of this process's environment, with `OP_*`.
_NEEDED = ("PATH", "HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES")
_CREDENTIALS = ("OP_SERVICE_ACCOUNT_TOKEN", "OP_CONNECT_TOKEN")
_SESSION = "OP_SESSION_"
#: How `op` says that what a reference names is not there.
_THING = r"(?:item|vault|field|section|file)"
_ABSENT = re.compile(
    rf"\b(?:isn't|is not) an? {_THING}\b"
    rf"|\b(?:does not|doesn't) have an? {_THING}\b"
    rf"|\bno {_THING}s? (?:was |were )?(?:found|matched)\b"
    rf"|\bcould(?: not|n't) find (?:the )?{_THING}\b"
    rf"|\b{_THING} (?:\S+ )?(?:was not found|not found|cannot be found)\b",
    re.IGNORECASE,
)


class OnePasswordProvider(BaseProvider):
    """Reads secret references such as `op://Engineering/GitHub/token`; read-only.

    Each `get` runs `op read REFERENCE`. The program gets no shell, no input and no
    environment beyond PATH, HOME, the locale and `OP_*`; its standard output less one
    newline is the value. What it writes to standard error is never part of a value
    and never shown: it only tells what is missing from what went wrong.

    Args:
        account: The account to read from, as `op account list` shows it.
        label: How records and errors call it.
        program: The program, if it is not the `op` on the PATH.
        timeout_seconds: How long it may take, a person's unlocking included.
        environ: The environment, for tests.

    Raises:
        ConfigError: The account or the program is no usable name.
    """

    __slots__ = ("_account", "_environ", "_program", "_timeout")

    def __init__(
        self,
        account: str | None = None,
        *,
        label: str = "onepassword",
        program: str = "op",
        timeout_seconds: float = 30,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(label)
        for option, text in (("account", account), ("program", program)):
            if text is not None and not _is_argument(text):
                raise ConfigError(
                    f"the {option} of the provider {label!r} is empty, begins with "
                    "'-' or has unprintable characters: correct it"
                )
        if not timeout_seconds > 0:
            raise ConfigError(
                f"the timeout_seconds of the provider {label!r} must be above 0"
            )
        self._account = account
        self._program = program
        self._timeout = timeout_seconds
        self._environ = os.environ if environ is None else environ

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return what a secret reference means now; `op` answers any version.

        It is text, or bytes where it is no UTF-8. An empty field counts as missing.

        Raises:
            SecretNotFound: There is no such vault, item or field.
            ProviderUnavailable: The program is not there.
            ProviderTimeout: It did not end in time; it was killed.
            ProviderError: The name is no reference, or the program failed.
        """
        del version
        if self.wrong_name(name):
            raise ProviderError(
                f"the provider {self.label!r} takes secret references only: write "
                "ref = 'op://vault/item/field' (the text given is not repeated)",
                provider=self.label,
            )
        status, output, said = self._read(name)
        if status == 0 and (raw := output.removesuffix(b"\n")):
            return _text(raw)
        if status == 0 or _ABSENT.search(said.replace(name, "")):
            raise self._missing(name)
        raise ProviderError(
            f"the provider {self.label!r} could not read {name!r}: {self._program!r} "
            f"ended with status {status}; sign in with 'op signin' or set "
            "OP_SERVICE_ACCOUNT_TOKEN, and run 'op whoami' to see what it says",
            provider=self.label,
            handle=name,
        )

    def names(self) -> list[str]:
        """List nothing: references are named where they are used."""
        return []

    def credentials(self) -> dict[str, str | bytes]:
        """Return the tokens that `op` logs in with, for the redactor."""
        return {
            f"{self.label}/{name}": value
            for name, value in self._environ.items()
            if value and (name in _CREDENTIALS or name.startswith(_SESSION))
        }

    @staticmethod
    def wrong_name(name: str) -> str:
        """Tell what is no secret reference; see `BaseProvider`."""
        path, _, _ = name.removeprefix(_SCHEME).partition("?")
        parts = path.split("/")
        if (
            name.startswith(_SCHEME)
            and name.isprintable()
            and len(parts) in (3, 4)
            and all(parts)
        ):
            return ""
        return (
            "1Password takes secret references only; write "
            "ref = 'op://vault/item/field' or 'op://vault/item/section/field'"
        )

    def _read(self, ref: str) -> tuple[int, bytes, str]:
        account = [] if self._account is None else ["--account", self._account]
        environ = {
            name: value
            for name, value in self._environ.items()
            if name in _NEEDED or name.startswith("OP_")
        }
        failure: ProviderError
        try:
            return run(
                [self._program, "read", ref, *account],
                environ=environ,
                timeout_seconds=self._timeout,
            )
        except CannotRun as error:
            failure = ProviderUnavailable(
                f"the provider {self.label!r} cannot run {self._program!r} ({error}): "
                "install the 1Password CLI and put it on the PATH, or name it with "
                "program = '…'",
                provider=self.label,
                handle=ref,
            )
        except TookTooLong:
            failure = ProviderTimeout(
                f"the provider {self.label!r} waited {self._timeout:g} seconds for "
                f"{self._program!r} to read {ref!r}, and killed it: unlock 1Password, "
                "use a service account, or raise timeout_seconds",
                provider=self.label,
                handle=ref,
            )
        raise failure


def _is_argument(text: str) -> bool:
    return bool(text) and not text.startswith("-") and text.isprintable()


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
