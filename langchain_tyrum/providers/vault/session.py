"""Asking a server as somebody: tokens, AppRole, and what went wrong in our words."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from langchain_tyrum.errors import (
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    SecretNotFound,
)
from langchain_tyrum.providers.vault.client import Kind, Server, Trouble
from langchain_tyrum.providers.vault.names import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Identity:
    """As whom a server is asked.

    Attributes:
        environ: Where variables are read, at each request.
        token: The token, if it does not come from there.
        role_id: The role, for AppRole.
        secret_id_env: The variable that holds the role's secret id.
    """

    environ: Mapping[str, str]
    token: str | None
    role_id: str | None
    secret_id_env: str | None

    def given_token(self) -> str:
        """The token that was given, or stands in the environment."""
        return self.token or self.environ.get(TOKEN) or ""

    def secret_id(self) -> str:
        """The role's secret id."""
        return self.environ.get(self.secret_id_env or "") or ""


class Session:
    """A server, asked as one identity.

    Args:
        label: What errors call the provider.
        server: The server, without a token.
        identity: As whom it is asked.
    """

    __slots__ = ("_identity", "_label", "_lock", "_server", "_token")

    def __init__(self, label: str, server: Server, identity: Identity) -> None:
        self._label = label
        self._server = server
        self._identity = identity
        self._token = ""
        self.after_fork()

    def after_fork(self) -> None:
        """Make the lock anew in a child: a thread that is gone may have held it."""
        self._lock = threading.Lock()

    def credentials(self) -> dict[str, str | bytes]:
        """What it logs in with."""
        identity = self._identity
        known = {"secret_id": identity.secret_id(), "session": self._token}
        if not identity.role_id:
            known = {"token": identity.given_token()}
        return {
            f"{self._label}/{name}": value for name, value in known.items() if value
        }

    def ask(self, work: Callable[[Server], T], name: str | None = None) -> T:
        """Ask the server; log in again, once, where AppRole's login has ended.

        Raises:
            SecretNotFound: What was asked for is not there.
            ProviderError: The server failed, refused or was not reached.
        """
        trouble: Trouble
        try:
            return self._ask(work)
        except Trouble as error:
            trouble = error
        raise self._told(trouble.kind, name)

    def _ask(self, work: Callable[[Server], T]) -> T:
        if not self._identity.role_id:
            token = self._identity.given_token()
            if not token:
                raise Trouble(Kind.ANONYMOUS)
            return work(replace(self._server, token=token))
        token = self._logged_in(other_than="")
        try:
            return work(replace(self._server, token=token))
        except Trouble as error:
            if error.kind is not Kind.REFUSED:
                raise
        return work(replace(self._server, token=self._logged_in(other_than=token)))

    def _logged_in(self, *, other_than: str) -> str:
        """The token of a login; one of several threads that lost it logs in anew."""
        with self._lock:
            if self._token == other_than:
                secret_id = self._identity.secret_id()
                if self._identity.secret_id_env and not secret_id:
                    raise Trouble(Kind.ANONYMOUS)
                role = self._identity.role_id or ""
                self._token = self._server.login(role, secret_id or None)
            return self._token

    def _told(self, kind: Kind, name: str | None) -> ProviderError | SecretNotFound:
        who = f"the provider {self._label!r}"
        at = f"the server at {self._server.url}"
        about = "" if name is None else f" asked for {name!r}:"
        if kind is Kind.MISSING:
            return SecretNotFound(f"{who} has no {name!r}", handle=name)
        if kind is Kind.TIMEOUT:
            waited = f"{self._server.timeout_seconds:g} seconds"
            return ProviderTimeout(
                f"{who},{about} had no answer of {at} in {waited}: try again, or raise "
                "timeout_seconds",
                provider=self._label,
                handle=name,
            )
        if kind is Kind.UNAVAILABLE:
            return ProviderUnavailable(
                f"{who},{about} cannot use {at}: see that it runs, is unsealed, and "
                "that its certificate is trusted (VAULT_CACERT)",
                provider=self._label,
                handle=name,
            )
        said = {
            Kind.ANONYMOUS: f"has nothing to log in with: set {self._wanted()}",
            Kind.REFUSED: f"was refused by {at}: renew the token or the login, or let "
            f"its policy read and write below the mount {self._server.mount!r}",
            Kind.CONFLICT: "found that others wrote at the same time, or that the "
            "version is not the next: leave the version out, and try again",
        }.get(
            kind,
            f"got no usable answer of {at}: see that the mount {self._server.mount!r} "
            "is a KV engine of version 2, that the login holds, and that the address "
            "is the server's own, since redirects are not followed",
        )
        return ProviderError(f"{who},{about} {said}", provider=self._label, handle=name)

    def _wanted(self) -> str:
        return self._identity.secret_id_env or TOKEN
