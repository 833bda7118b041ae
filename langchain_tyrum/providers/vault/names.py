"""What a name and an address mean, before a server is asked."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from langchain_tyrum.errors import ConfigError

#: Where a token is read, unless another way to log in is given.
TOKEN = "VAULT_TOKEN"  # noqa: S105 - the name of a variable
_FIELD = "value"


class Place(NamedTuple):
    """Where a value lies.

    Attributes:
        path: The path below the mount.
        field: The field of it.
    """

    path: str
    field: str


def place_of(name: str) -> Place | None:
    """Read `path` or `path#field`; None when it is neither.

    Slashes in a row count as one, as in Vault's own command. `.` and `..` are refused:
    HTTP libraries resolve them, out of the mount.
    """
    path, _, field = name.rpartition("#") if "#" in name else (name, "", _FIELD)
    parts = [part for part in path.split("/") if part]
    if not parts or not field or {".", ".."} & {*parts} or not name.isprintable():
        return None
    return Place("/".join(parts), field)


def checked_url(url: str, *, label: str, allow_http: bool) -> tuple[str, bool]:
    """Return a server's address, and whether it is this machine's own.

    Raises:
        ConfigError: It is no address, holds more than one, or is plain HTTP to
            another machine. The address is not repeated: it may hold a password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    problem = ""
    if not host or parts.scheme not in ("http", "https"):
        problem = "is no address: write 'https://host:8200'"
    elif "@" in parts.netloc or parts.query or parts.fragment:
        problem = (
            "holds a user, a password or a query: leave them out, the token comes from "
            "VAULT_TOKEN"
        )
    local = _is_loopback(host)
    if not problem and parts.scheme == "http" and not local and not allow_http:
        problem = (
            "is plain HTTP to another machine, which shows the token and the values to "
            "the network: write 'https://…', or allow_http = true where the way is safe"
        )
    if problem:
        raise ConfigError(f"the url of the provider {label!r} {problem}")
    shown = f"[{host}]" if ":" in host else host
    place = shown if port is None else f"{shown}:{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}", local


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
