"""Which secret a parameter takes: named by the developer, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tyrum.errors import ConfigError, SecretForbidden, SecretNotFound
from langchain_tyrum.handles import SecretHandle, SecretRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.broker import CallIdentity, SecretBroker


@dataclass(frozen=True)
class UserSecret:
    """A secret of the user on whose behalf the tool is called.

    It is looked up in the side-store at each call, so that one tool serves every
    user with that user's own value. A secret of the same name that belongs to a
    service or to somebody else is never taken for it.

    Attributes:
        name: What the secret is called in the user's side-store.
    """

    name: str


#: What a parameter may be bound to.
Binding = str | SecretHandle | SecretRecord | UserSecret


def check_bindings(bindings: Mapping[str, Binding]) -> dict[str, Binding]:
    """Return the bindings, or say which of them names no secret.

    Raises:
        ConfigError: A value is none of the forms in which a secret is named.
    """
    for parameter, binding in bindings.items():
        if not binding or not isinstance(binding, Binding):
            raise ConfigError(
                f"{parameter!r} is bound to a {type(binding).__name__}: name the "
                "secret as a string, SecretHandle or UserSecret('…')"
            )
    return dict(bindings)


def record_of(
    binding: Binding, broker: SecretBroker, call: CallIdentity, *, tool_id: str
) -> SecretRecord:
    """Find the record that a binding means for this call; nothing is resolved.

    Args:
        binding: What the parameter is bound to.
        broker: Who knows the records.
        call: On whose behalf the tool is called.
        tool_id: The consumer, for the errors.

    Returns:
        The record as the catalog knows it now.

    Raises:
        SecretNotFound: There is none.
        SecretForbidden: The user's own secret is wanted and no user is known.
    """
    if isinstance(binding, UserSecret):
        return _own(binding.name, broker, call, tool_id)
    return broker.describe(binding, tenant=call.tenant, owner=call.user)


def _own(
    name: str, broker: SecretBroker, call: CallIdentity, tool_id: str
) -> SecretRecord:
    if call.user is None:
        raise SecretForbidden(
            f"{tool_id!r} takes the user's own {name!r} and no user is known: run it "
            "behind a server that authenticates, or open the broker with "
            "SecretBroker(identity=from_configurable('user_id'))",
            handle=name,
            tool_id=tool_id,
        )
    own = broker.records(tenant=call.tenant, owner=call.user)
    for record in own:
        if record.name == name:
            return record
    raise SecretNotFound(
        f"this user has not given {name!r} yet: ask for it with "
        f"request_secret(broker, {name!r}), or store it with "
        f"broker.put({name!r}, …, owner=<user id>)",
        handle=name,
        tool_id=tool_id,
    )
