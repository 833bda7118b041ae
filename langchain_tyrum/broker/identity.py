"""Who is calling: the identity on whose behalf a lease happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from langchain_tyrum.broker.claims import (
    claimed,
    id_text,
    plain_text,
    refuse_unknown_user,
    server_user,
)
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.handles import Principal

#: The fields that tell where a call happens.
_IDS = ("thread_id", "run_id", "tool_call_id", "checkpoint_ns", "task_id")
#: Tells the user of a run from its config; None means nobody is known.
IdentitySource = Callable[[Mapping[str, Any]], "Principal | CallIdentity | str | None"]


@dataclass(frozen=True)
class CallIdentity:
    """One call: tenant and user, and where in which run it happens.

    Frozen: pass it on as it is; make another one with `dataclasses.replace`. An empty
    user is nobody: a service. Ids that are whole numbers or UUIDs become text.

    Raises:
        ConfigError: An id is of another type, or tenant or user is no text.
    """

    tenant: str = "default"
    user: str | None = None
    thread_id: str | None = None
    run_id: str | None = None
    tool_call_id: str | None = None
    checkpoint_ns: str | None = None
    task_id: str | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.tenant, str) and isinstance(self.user, str | None)):
            raise ConfigError(
                "tenant and user of a CallIdentity are texts: write "
                "CallIdentity(tenant='default', user='ada'), or leave the user out "
                "for a service"
            )
        if self.user == "":
            object.__setattr__(self, "user", None)
        for name in _IDS:
            if not isinstance(getattr(self, name), str | None):
                object.__setattr__(self, name, id_text(name, getattr(self, name)))

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any] | None,
        *,
        identity: IdentitySource | None = None,
    ) -> Self:
        """Read the identity of a run from its `RunnableConfig`.

        By default the user is `configurable["langgraph_auth_user"]` and nothing else:
        not `user_id`, `langgraph_auth_user_id`, `owner` or anything nested. Read in
        langgraph-api 0.16: its server takes that key out of every request, from
        `config`, `configurable` and `context` alike, and then writes its own there:
        the user object of the `@auth.authenticate` handler, or None where no auth is
        configured. So behind that server no client can set it, with or without auth.
        LangGraph as a library removes nothing, and neither does an endpoint of your
        own: **code that passes a client's `configurable` into a graph must drop
        `langgraph_auth_user` first**, or set `SecretBroker(identity=…)`, in whose
        presence the key is not looked at.

        What cannot be read as exactly one user is refused, never guessed: an identity
        that is no text, is longer than 256 characters, has control characters, or
        fails to be read. A user without an identity, or one that says
        `is_authenticated=False`, is nobody.

        Args:
            config: The config of the run; None is nobody, nowhere.
            identity: Who says which user it is, in the server's place. Of a
                `CallIdentity` that it returns, tenant and user count.

        Returns:
            The identity; `user` is None when nobody vouches for one.

        Raises:
            SecretForbidden: Somebody is vouched for and cannot be told.
            ConfigError: `identity` returned something else than it may, or the thread
                id is none.
        """
        config = config if isinstance(config, Mapping) else {}
        configurable = _configurable(config)
        principal = _principal((identity or _authenticated)(config))
        return cls(
            tenant=principal.tenant,
            user=principal.user,
            thread_id=id_text("thread_id", configurable.get("thread_id")),
            run_id=plain_text(config.get("run_id") or configurable.get("run_id")),
            tool_call_id=plain_text(configurable.get("tool_call_id")),
            checkpoint_ns=plain_text(configurable.get("checkpoint_ns")),
            task_id=plain_text(configurable.get("__pregel_task_id")),
        )


def from_configurable(key: str, *, tenant_key: str | None = None) -> IdentitySource:
    """Believe the caller: take the user from `config["configurable"][key]`.

    Whoever may set `configurable` may then act as any user. Use it where your own
    code builds the config, never behind an endpoint that passes one through.

    Args:
        key: The key that holds the user id: text, a whole number or a UUID.
        tenant_key: The key that holds the tenant, if there are several.

    Returns:
        A source for `SecretBroker(identity=…)`.

    Raises:
        ConfigError: A key is no text, or empty.
    """
    for name in (key,) if tenant_key is None else (key, tenant_key):
        if not isinstance(name, str) or not name:
            raise ConfigError(
                "from_configurable takes the name of a key in `configurable`: write "
                "from_configurable('user_id')"
            )

    def source(config: Mapping[str, Any]) -> Principal:
        configurable = _configurable(config)
        tenant = configurable.get(tenant_key) if tenant_key else None
        return Principal(
            tenant=_told(tenant, tenant_key) or "default",
            user=_told(configurable.get(key), key),
        )

    return source


def _told(found: object, key: str | None) -> str | None:
    """What stands under a key, which is text, or plainly stands for one."""
    text = plain_text(found)
    if text is None and found not in (None, ""):
        refuse_unknown_user(f"configurable[{key!r}] is of type {type(found).__name__}")
    return text


def _authenticated(config: Mapping[str, Any]) -> Principal:
    return server_user(_configurable(config).get("langgraph_auth_user"))


def _configurable(config: Mapping[str, Any]) -> Mapping[str, Any]:
    found = config.get("configurable")
    return found if isinstance(found, Mapping) else {}


def _principal(found: object) -> Principal:
    if found is None or isinstance(found, str):
        found = Principal(user=found)
    if not isinstance(found, Principal | CallIdentity):
        raise ConfigError(
            f"identity=… returned a {type(found).__name__}: return a Principal, a "
            "CallIdentity, the user id as text, or None for nobody"
        )
    return Principal(
        tenant=claimed("tenant", found.tenant) or "default",
        user=claimed("user id", found.user),
    )
