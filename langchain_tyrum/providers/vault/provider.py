"""Values in the KV engine of a HashiCorp Vault or OpenBao server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import ConfigError, ProviderError, SecretNotFound
from langchain_tyrum.providers.armor import from_text, to_text
from langchain_tyrum.providers.base import BaseProvider
from langchain_tyrum.providers.env import unset
from langchain_tyrum.providers.vault.names import TOKEN, Place, checked_url, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_tyrum.providers.vault.client import Entry
    from langchain_tyrum.providers.vault.session import Session

#: How many folders and names `names` reads before it gives up.
_MOST = 10_000


class VaultProvider(BaseProvider):
    """Keeps values in a KV engine of version 2, beside what other people write there.

    A name is a path below the mount; `path#field` names a field, which is `value` by
    itself. A write keeps the other fields of its path. A version is the number that
    the server gave; the broker asks for the newest, so that a value that somebody
    changes in Vault becomes a new version of the secret at its next lease.

    Args:
        url: The server's address, such as `https://vault.example:8200`.
        mount: Where the engine is mounted.
        namespace: The namespace, on servers that have them.
        token: What to log in with; by default `VAULT_TOKEN`, read at each request.
        role_id: Log in with AppRole instead, and again when that login has ended.
        secret_id_env: The environment variable that holds the role's secret id.
        label: How records and errors call it.
        timeout_seconds: How long the server may take to answer.
        allow_http: Send tokens and values over plain HTTP to another machine.
        environ: The environment, for tests.

    Raises:
        ConfigError: The extra `vault` is not installed, or the settings do not fit.
    """

    __slots__ = ("_session",)

    writable = True

    def __init__(
        self,
        url: str,
        *,
        mount: str = "secret",
        namespace: str | None = None,
        token: str | None = None,
        role_id: str | None = None,
        secret_id_env: str | None = None,
        label: str = "vault",
        timeout_seconds: float = 30,
        allow_http: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(label)
        address, is_local = checked_url(url, label=label, allow_http=allow_http)
        _refuse_wrong(label, mount, timeout_seconds, (token, role_id, secret_id_env))
        client, session = _parts(label)
        server = client.Server(
            url=address,
            mount=mount.strip("/"),
            namespace=namespace,
            timeout_seconds=timeout_seconds,
            direct=is_local,
        )
        identity = session.Identity(
            environ=os.environ if environ is None else environ,
            token=token,
            role_id=role_id,
            secret_id_env=secret_id_env,
        )
        self._session: Session = session.Session(label, server, identity)

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return a field's value; see `SecretProvider.get`.

        Raises:
            ProviderUnavailable: The server cannot be reached, or is sealed.
            ProviderTimeout: It did not answer in time.
            ProviderError: It refused, or the field holds no text.
        """
        place = self._place(name)
        entry = self._read(name, place, version)
        found = entry.fields.get(place.field) if entry else None
        if found is None:
            raise self._missing(name, version)
        if not isinstance(found, str):
            raise ProviderError(
                f"what the provider {self.label!r} holds as {name!r} is no text: write "
                "the field as a string, or name another with 'path#field'",
                provider=self.label,
                handle=name,
            )
        return from_text(found)

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Store a value as the next version of its path.

        Raises:
            ProviderError: The server failed, or would give it another number.
        """
        path, field = self._place(name)
        text = to_text(value)
        self._session.ask(
            lambda server: server.change(
                path, lambda fields: {**fields, field: text}, version=version
            ),
            name,
        )

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Destroy one version, or the path with its history.

        Where the path holds other fields too, a name is deleted by writing a version
        without its field; earlier versions keep it, since they cannot be changed.

        Raises:
            ProviderError: The server failed, or the one version holds other fields.
        """
        place = self._place(name)
        path, field = place
        entry = self._read(name, place, version)
        is_shared = entry is not None and bool(entry.fields.keys() - {field})
        if version is not None:
            if is_shared:
                raise self._shared(name, version)
            if entry is not None:
                self._session.ask(lambda server: server.destroy(path, version), name)
        elif not is_shared:
            self._session.ask(lambda server: server.remove(path), name)
        elif entry is not None and field in entry.fields:
            self._session.ask(
                lambda server: server.change(
                    path, lambda fields: _without(fields, field)
                ),
                name,
            )

    def names(self) -> list[str]:
        """List the paths below the mount, sorted; fields are not looked into.

        Raises:
            ProviderError: The server failed, or there are more than 10 000.
        """
        found: list[str] = []
        folders = [""]
        for folder in folders:  # which grows meanwhile
            for key in self._below(folder):
                (folders if key.endswith("/") else found).append(folder + key)
            if len(folders) + len(found) > _MOST:
                raise ProviderError(
                    f"the provider {self.label!r} holds more than {_MOST} names: give "
                    "it a mount of its own",
                    provider=self.label,
                )
        return sorted(found)

    def credentials(self) -> dict[str, str | bytes]:
        """Return the token, or the role's secret id, for the redactor."""
        return self._session.credentials()

    @staticmethod
    def wrong_name(name: str) -> str:
        """Tell what is no path below the mount; see `BaseProvider`."""
        if place_of(name) is not None:
            return ""
        return (
            "this is no path below the mount; write 'folder/path' or "
            "'folder/path#field', without '.' and '..'"
        )

    @staticmethod
    def lacking(
        options: Mapping[str, Any], names: Sequence[str], environ: Mapping[str, str]
    ) -> list[str]:
        """Tell which variable it would log in with; see `BaseProvider`."""
        del names
        if options.get("token"):
            return []
        role_id, secret_id_env = options.get("role_id"), options.get("secret_id_env")
        variable = secret_id_env if role_id else TOKEN
        return [unset(variable)] if variable and not environ.get(variable) else []

    def after_fork(self) -> None:
        """Make the lock anew in a child: a thread that is gone may have held it."""
        self._session.after_fork()

    def _place(self, name: str) -> Place:
        place = place_of(name)
        if place is None:
            raise ProviderError(
                f"the provider {self.label!r} cannot use {name!r} as a path: write "
                "'folder/path' or 'folder/path#field', without '.' and '..'",
                provider=self.label,
                handle=name,
            )
        return place

    def _read(self, name: str, place: Place, version: int | None) -> Entry | None:
        if version is not None and version < 1:  # the server takes 0 for the newest
            return None
        try:
            return self._session.ask(
                lambda server: server.read(place.path, version), name
            )
        except SecretNotFound:
            return None

    def _below(self, folder: str) -> list[str]:
        try:
            return self._session.ask(lambda server: server.below(folder))
        except SecretNotFound:
            return []

    def _shared(self, name: str, version: int) -> ProviderError:
        return ProviderError(
            f"version {version} of {name!r} in the provider {self.label!r} holds other "
            "fields too, which would be destroyed with it: destroy it with Vault's own "
            "command",
            provider=self.label,
            handle=name,
        )


def _parts(label: str) -> tuple[Any, Any]:
    """What stands on `hvac`.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        from langchain_tyrum.providers.vault import client, session  # noqa: PLC0415

        return client, session
    except ImportError as error:
        missing = error.name
    raise ConfigError(
        f"the provider {label!r} needs {missing!r}, which is not installed: "
        "pip install 'langchain-tyrum[vault]'"
    )


def _refuse_wrong(
    label: str, mount: str, timeout_seconds: float, login: tuple[str | None, ...]
) -> None:
    token, role_id, secret_id_env = login
    problem = ""
    if not mount.strip("/") or {".", ".."} & {*mount.split("/")}:
        problem = "names no mount: write mount = 'secret'"
    elif not timeout_seconds > 0:
        problem = "has a timeout_seconds that is not above 0"
    elif token and role_id:
        problem = "has a token and a role_id: leave one out"
    elif secret_id_env and not role_id:
        problem = "has a secret_id_env without a role_id: add it"
    if problem:
        raise ConfigError(f"the provider {label!r} {problem}")


def _without(fields: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != field}
