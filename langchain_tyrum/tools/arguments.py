"""What a model may put into the arguments of a secret tool, and what it may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import SecretForbidden
from langchain_tyrum.handles import (
    HANDLE_TEXT,
    SecretHandle,
    SecretRecord,
    SecretReference,
)
from langchain_tyrum.redaction import contains_marker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


EXACTLY_ONE = "give exactly one secret_ref_id or secret_alias"


class ArgumentRefused(SecretForbidden, ValueError):
    """The model put something into an argument that may not stand there.

    Attributes:
        advice: What the model may do about it.
    """

    advice = "Mend the call, or go on without it"


def refuse_arguments(
    arguments: Mapping[str, Any],
    *,
    tool_id: str,
    forged: Collection[str],
    selectors: Collection[str] = (),
    templates: Collection[str] = (),
) -> None:
    """Let the arguments pass only when the model had the right to choose them.

    Args:
        arguments: As the model wrote them, without injected ones.
        tool_id: The tool, for the errors.
        forged: Parameters that only the broker fills.
        selectors: Parameters by which the model chooses a reference.
        templates: Text parameters in which a handle may stand.

    Raises:
        ArgumentRefused: One holds a secret parameter's value, a redaction marker,
            or a handle where none is resolved.
    """
    for name, value in arguments.items():
        if name in forged:
            raise _refused(name, tool_id, "it is filled in for you: leave it out")
        if contains_marker([value]):
            raise _refused(
                name,
                tool_id,
                "you copied a redaction marker; the value was not shown to you. Leave "
                "the text that holds it as it is, or ask the user",
            )
        if name in selectors:
            _refuse_choice(name, tool_id, value)
            continue
        if name in templates and isinstance(value, str):
            continue
        if any(HANDLE_TEXT.search(text) for text in _texts(value)):
            raise _refused(
                name,
                tool_id,
                "a tyrum:// handle is not resolved here: leave it out, or pass it in "
                "a parameter that takes a credential",
            )


def _refuse_choice(name: str, tool_id: str, value: Any) -> None:
    """Refuse what chooses nothing, or two things; None chooses not to choose."""
    try:
        chosen = chosen_name(value)
    except ValueError as error:
        why = str(error)
    else:
        if isinstance(chosen, str | None):
            return
        why = "write the id or alias as text"
    raise _refused(name, tool_id, why)


def _refused(name: str, tool_id: str, why: str) -> ArgumentRefused:
    return ArgumentRefused(f"argument {name!r} of {tool_id!r}: {why}", tool_id=tool_id)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, SecretHandle | SecretRecord | SecretReference):
        yield str(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(inner)


def chosen_name(choice: Any) -> Any:
    """Read a choice that is written as a table of exactly one id or alias.

    Raises:
        ValueError: It names both, none, or something else.
    """
    if not isinstance(choice, Mapping):
        return choice
    given = {key: name for key, name in choice.items() if name is not None}
    if len(given) != 1 or not given.keys() <= {"secret_ref_id", "secret_alias"}:
        raise ValueError(EXACTLY_ONE)
    return next(iter(given.values()))


def fill_template(text: str, value_of: Callable[[str], str]) -> str:
    """Put values in place of the handles in a text.

    Args:
        text: A text with `tyrum://…` in it.
        value_of: Gives the value for an id or alias.
    """
    return HANDLE_TEXT.sub(lambda match: value_of(match.group(1)), text)
