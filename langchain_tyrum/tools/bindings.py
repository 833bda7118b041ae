"""Which secret a parameter takes: named by the developer, or the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tyrum.approval.refusals import REFUSALS
from langchain_tyrum.broker import CallIdentity
from langchain_tyrum.broker.checking import check_text
from langchain_tyrum.broker.records.names import is_known
from langchain_tyrum.errors import ConfigError, SecretForbidden, SecretNotFound
from langchain_tyrum.handles import SecretHandle, SecretRecord

if TYPE_CHECKING:
    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.errors import TyrumError


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

    def __post_init__(self) -> None:
        """Refuse what names nothing.

        Raises:
            ConfigError: The name is no text, or empty.
        """
        check_text("the name of a user's secret", self.name, "UserSecret('password')")


#: What a parameter may be bound to.
Binding = str | SecretHandle | SecretRecord | UserSecret


def check_bindings(bindings: Mapping[str, Binding]) -> dict[str, Binding]:
    """Return the bindings, or say which of them is no way to name a secret.

    Whether the secret is there is another matter: see `unusable_bindings`.

    Raises:
        ConfigError: It is no table, or a value is none of the forms in which a secret
            is named.
    """
    if not isinstance(bindings, Mapping):
        raise ConfigError(
            f"secrets= is a table, no {type(bindings).__name__}: write "
            "secrets={'token': 'github/token'}, parameter first"
        )
    for parameter, binding in bindings.items():
        if not binding or not isinstance(binding, Binding):
            raise ConfigError(
                f"{parameter!r} is bound to a {type(binding).__name__}: name the "
                "secret as a string, SecretHandle or UserSecret('…')"
            )
    return dict(bindings)


def unusable_bindings(
    bindings: Mapping[str, Binding], broker: SecretBroker, *, tool_id: str
) -> list[TyrumError]:
    """What keeps a tool from its secrets now; users' own ones are not looked up.

    Args:
        bindings: What its parameters are bound to.
        broker: Who knows the records.
        tool_id: The tool.
    """
    found = (_unusable(binding, broker, tool_id) for binding in bindings.values())
    return [error for error in found if error is not None]


def _unusable(
    binding: Binding, broker: SecretBroker, tool_id: str
) -> TyrumError | None:
    if isinstance(binding, UserSecret):
        return None
    try:
        record = broker.describe(binding)
        owner = CallIdentity(tenant=record.tenant, user=record.owner)
        broker.decide(tool_id, [record], call=owner)
    except SecretNotFound as error:
        # Another tenant or a user may have one of that name.
        known = isinstance(binding, str) and is_known(broker.catalog, binding)
        return None if known else error
    except REFUSALS as error:
        return error
    return None


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
        f"this user has not given {name!r} yet: ask the user to give it in the chat, "
        f"or store it with broker.put({name!r}, value, owner=…)",
        handle=name,
        tool_id=tool_id,
    )
