"""The KV v2 engine of a Vault or OpenBao server, over `hvac`.

Nothing that the server or a library says leaves this module: a `Trouble` has a kind.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import hvac
import requests
from hvac import exceptions as raised

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: How often a write is done again when another writer was quicker.
_TRIES = 10


class Kind(Enum):
    """What went wrong."""

    MISSING = "missing"
    REFUSED = "refused"
    ANONYMOUS = "anonymous"
    CONFLICT = "conflict"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    FAILED = "failed"


class Trouble(Exception):
    """A request that did not succeed.

    Attributes:
        kind: What went wrong.
        version: The newest version of what is missing, where one was deleted.
    """

    def __init__(self, kind: Kind, *, version: int = 0) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.version = version


@dataclass(frozen=True, repr=False)
class Entry:
    """What a path holds.

    Attributes:
        fields: Its fields.
        version: The number that the server gave it.
    """

    fields: dict[str, Any]
    version: int


@dataclass(frozen=True)
class Server:
    """Where the server is, and as whom it is asked.

    A request has a connection of its own, so threads and forks share none, and a
    redirect is not followed: the token would go wherever it points.

    Attributes:
        url: The server's address.
        mount: Where the engine is mounted.
        namespace: The namespace, if there is one.
        timeout_seconds: How long it may take to connect, and between two packets.
        direct: Whether no proxy is asked.
    """

    url: str
    mount: str
    namespace: str | None
    timeout_seconds: float
    direct: bool
    token: str = field(default="", repr=False)

    def login(self, role_id: str, secret_id: str | None) -> str:
        """Log in with AppRole; returns the token."""

        def work(client: hvac.Client) -> str:
            found = client.auth.approle.login(role_id, secret_id, use_token=False)
            return str(found["auth"]["client_token"])

        return self._ask(work)

    def read(self, path: str, version: int | None = None) -> Entry:
        """Return what a path holds."""

        def work(client: hvac.Client) -> Entry:
            found = client.secrets.kv.v2.read_secret_version(
                path,
                version=version,
                mount_point=self.mount,
                raise_on_deleted_version=True,
            )["data"]
            return Entry(dict(found["data"]), int(found["metadata"]["version"]))

        return self._ask(work)

    def change(
        self,
        path: str,
        make: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        version: int | None = None,
    ) -> None:
        """Write the next version of a path, made of the newest.

        Another writer's version is never lost: where one was quicker, its version is
        read and the work done again.
        """
        failed = Kind.CONFLICT
        for tries_left in reversed(range(_TRIES)):
            newest = self._newest(path)
            if version not in (None, newest.version + 1):
                raise Trouble(Kind.CONFLICT)
            try:
                self._write(path, make(newest.fields), after=newest.version)
                return
            except Trouble as trouble:
                if trouble.kind is not Kind.CONFLICT or not tries_left:
                    failed = trouble.kind
                    break
        # nothing that can be written is missing, unless the engine itself is
        raise Trouble(Kind.FAILED if failed is Kind.MISSING else failed)

    def destroy(self, path: str, version: int) -> None:
        """Destroy one version for good."""
        self._ask(
            lambda client: client.secrets.kv.v2.destroy_secret_versions(
                path, [version], mount_point=self.mount
            )
        )

    def remove(self, path: str) -> None:
        """Destroy a path with all versions and its history."""
        self._ask(
            lambda client: client.secrets.kv.v2.delete_metadata_and_all_versions(
                path, mount_point=self.mount
            )
        )

    def below(self, path: str) -> list[str]:
        """List what a folder holds; folders end with a slash."""

        def work(client: hvac.Client) -> list[str]:
            found = client.secrets.kv.v2.list_secrets(path, mount_point=self.mount)
            return [str(key) for key in found["data"]["keys"]]

        return self._ask(work)

    def _newest(self, path: str) -> Entry:
        """What a path holds; nothing, where it is missing or was deleted."""
        try:
            return self.read(path)
        except Trouble as trouble:
            if trouble.kind is not Kind.MISSING:
                raise
            return Entry({}, trouble.version)

    def _write(self, path: str, fields: dict[str, Any], *, after: int) -> None:
        self._ask(
            lambda client: client.secrets.kv.v2.create_or_update_secret(
                path, fields, cas=after, mount_point=self.mount
            )
        )

    def _ask(self, work: Callable[[hvac.Client], T]) -> T:
        try:
            client = hvac.Client(
                url=self.url,
                token=self.token,
                namespace=self.namespace,
                timeout=self.timeout_seconds,
                allow_redirects=False,
                # requests looks for proxies in the environment, at loopback too
                proxies={"no_proxy": "*"} if self.direct else None,
            )
            with closing(client.adapter):
                return _answered(work(client))
        except Exception as error:
            trouble = Trouble(_kind(error), version=_deleted(error))
        raise trouble  # here, so that no context holds what was said


def _answered(found: T) -> T:
    """Tell an answer from a redirect, which `hvac` hands back like one."""
    if isinstance(found, requests.Response) and found.status_code >= 300:
        raise requests.RequestException
    return found


_DOWN = (
    raised.VaultDown,
    raised.BadGateway,
    raised.VaultNotInitialized,
    raised.RateLimitExceeded,
)


def _kind(error: Exception) -> Kind:
    if isinstance(error, raised.InvalidPath):
        return Kind.MISSING
    if isinstance(error, raised.Forbidden | raised.Unauthorized):
        return Kind.REFUSED
    if isinstance(error, raised.InvalidRequest) and "check-and-set" in str(error):
        return Kind.CONFLICT
    if isinstance(error, _DOWN):
        return Kind.UNAVAILABLE
    if isinstance(error, requests.Timeout):
        return Kind.TIMEOUT
    if isinstance(error, requests.ConnectionError):
        return Kind.UNAVAILABLE
    return Kind.FAILED


def _deleted(error: Exception) -> int:
    """The version that a server says was deleted, of an error about what is missing."""
    try:
        return int(error.json["data"]["metadata"]["version"])  # type: ignore[attr-defined]
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0
