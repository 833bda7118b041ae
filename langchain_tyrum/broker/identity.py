"""Who is calling: the identity on whose behalf a lease happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from langchain_tyrum.handles import Principal

#: Tells the user of a run from its config; None means nobody is known.
IdentitySource = Callable[[Mapping[str, Any]], "Principal | str | None"]


@dataclass(frozen=True, kw_only=True)
class CallIdentity:
    """One call: tenant and user, and where in which run it happens.

    Frozen: pass it on as it is; make another one with `dataclasses.replace`.
    """

    tenant: str = "default"
    user: str | None = None
    thread_id: str | None = None
    run_id: str | None = None
    tool_call_id: str | None = None
    checkpoint_ns: str | None = None
    task_id: str | None = None

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any] | None,
        *,
        identity: IdentitySource | None = None,
    ) -> Self:
        """Read the identity of a run from its `RunnableConfig`.

        Args:
            config: The config of the run; None is nobody, nowhere.
            identity: Who says which user it is. By default the user that a server
                put there after authentication (`langgraph_auth_user`); nothing else
                in `configurable` is believed.

        Returns:
            The identity; `user` is None when nobody vouches for one.
        """
        config = config or {}
        configurable = config.get("configurable") or {}
        principal = _principal((identity or _authenticated)(config))
        return cls(
            tenant=principal.tenant,
            user=principal.user,
            thread_id=_text(configurable.get("thread_id")),
            run_id=_text(config.get("run_id") or configurable.get("run_id")),
            tool_call_id=_text(configurable.get("tool_call_id")),
            checkpoint_ns=_text(configurable.get("checkpoint_ns")),
            task_id=_text(configurable.get("__pregel_task_id")),
        )


def from_configurable(key: str, *, tenant_key: str | None = None) -> IdentitySource:
    """Believe the caller: take the user from `config["configurable"][key]`.

    Whoever may set `configurable` may then act as any user. Use it where your own
    code builds the config, never behind an endpoint that passes one through.

    Args:
        key: The key that holds the user id.
        tenant_key: The key that holds the tenant, if there are several.

    Returns:
        A source for `SecretBroker(identity=…)`.
    """

    def source(config: Mapping[str, Any]) -> Principal:
        configurable = config.get("configurable") or {}
        tenant = configurable.get(tenant_key) if tenant_key else None
        return Principal(
            tenant=_text(tenant) or "default", user=_text(configurable.get(key))
        )

    return source


def _authenticated(config: Mapping[str, Any]) -> Principal | str | None:
    user = (config.get("configurable") or {}).get("langgraph_auth_user")
    if user is None or isinstance(user, str):
        return user
    read = user.get if isinstance(user, Mapping) else _attributes(user)
    return Principal(
        tenant=_text(read("tenant")) or "default", user=_text(read("identity"))
    )


def _attributes(user: object) -> Callable[[str], Any]:
    return lambda name: getattr(user, name, None)


def _principal(found: Principal | str | None) -> Principal:
    if isinstance(found, Principal):
        return found
    return Principal(user=_text(found))


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
