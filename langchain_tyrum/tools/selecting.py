"""References: how a model chooses a secret without ever holding it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from langchain_tyrum.errors import SecretForbidden, SecretNotFound
from langchain_tyrum.handles import SCHEME, SecretReference, SecretValue
from langchain_tyrum.tools.arguments import EXACTLY_ONE, ArgumentRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.handles import SecretRecord

LISTED = 20
PARAMETER_TEXT = (
    "Which credential to use: the secret_alias or secret_ref_id of one that the "
    "tool's description lists. Never a value."
)


class UnknownChoice(ArgumentRefused, SecretNotFound):
    """The model chose a reference that does not exist."""


@dataclass(frozen=True)
class Selection:
    """What the model chose, and the record behind it."""

    reference: SecretReference
    record: SecretRecord


class ChosenSecret(SecretReference):
    """The reference that the model chose, with its value for one call.

    A tool's parameter of type `SecretReference` gets one of these. It prints as
    the reference; `reveal` gives the value until the call ends.
    """

    _value: SecretValue = PrivateAttr()

    @classmethod
    def of(cls, reference: SecretReference, value: SecretValue) -> ChosenSecret:
        """Join a reference with its leased value."""
        chosen = cls(**reference.model_dump())
        chosen._value = value
        return chosen

    def reveal(self) -> str:
        """Return the value as text.

        Raises:
            LeaseExpired: The call has ended.
        """
        return self._value.reveal()

    def reveal_bytes(self) -> bytes:
        """Return the value as bytes.

        Raises:
            LeaseExpired: The call has ended.
        """
        return self._value.reveal_bytes()


def listing(
    references: Sequence[SecretReference], templates: Collection[str] = ()
) -> str:
    """Describe to a model what it may choose from: names and ids, at most twenty.

    Args:
        references: What the tool is allowed to take.
        templates: Text parameters in which it may write a handle.

    Returns:
        One line per reference, then how many were left out.
    """
    if not references:
        return "No credential is available to this tool yet."
    lines = ["Credentials to choose from:"]
    lines += [f"- {_line(reference)}" for reference in references[:LISTED]]
    if len(references) > LISTED:
        lines.append(f"plus {len(references) - LISTED} more")
    if templates:
        named = ", ".join(sorted(templates))
        lines.append(f"In {named}, write tyrum:// and an alias or id for a value.")
    return "\n".join(lines)


def _line(reference: SecretReference) -> str:
    alias = reference.secret_alias
    label = _one_line(reference.display_name or alias or reference.secret_ref_id)
    named = f"secret_ref_id={reference.secret_ref_id}"
    if alias:
        named += f", secret_alias={alias}"
    return f"{label} ({named})"


def _one_line(text: str) -> str:
    """What people called it must not read like another line of the list."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def select(
    selector: Any, broker: SecretBroker, *, tool_id: str, call: CallIdentity
) -> Selection:
    """Find what a model chose by id or alias; nothing is resolved.

    Args:
        selector: An id or alias, with or without `tyrum://`.
        broker: Who knows the references.
        tool_id: The tool that wants it.
        call: Who calls: references of other users and tenants do not exist.

    Returns:
        The reference and its record.

    Raises:
        UnknownChoice: No reference is called that.
        ArgumentRefused: The reference does not allow this tool.
    """
    name = selector.removeprefix(SCHEME) if isinstance(selector, str) else ""
    if not name:
        raise ArgumentRefused(
            f"the choice is empty: {EXACTLY_ONE}",
            tool_id=tool_id,
        )
    whose: dict[str, Any] = {"tenant": call.tenant, "owner": call.user}
    record = _resolved(selector, broker, tool_id=tool_id, whose=whose)
    known = [r for r in broker.references(tool_id, **whose) if name in _names(r)]
    bare = SecretReference(secret_ref_id=name, allowed_tool_ids=(tool_id,))
    return Selection(reference=known[0] if known else bare, record=record)


def _resolved(
    selector: str, broker: SecretBroker, *, tool_id: str, whose: Mapping[str, Any]
) -> SecretRecord:
    """Resolve a model's choice; what is wrong with it, the model may mend."""
    try:
        return broker.resolve_reference(selector, tool_id=tool_id, **whose)
    except SecretNotFound as error:
        refused: type[ArgumentRefused] = UnknownChoice
        why = str(error)
    except SecretForbidden as error:
        refused, why = ArgumentRefused, str(error)
    raise refused(why, tool_id=tool_id)


def _names(reference: SecretReference) -> tuple[str | None, ...]:
    return reference.secret_ref_id, reference.secret_alias
