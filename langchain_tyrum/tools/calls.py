"""From a call's arguments to the records it would lease; nothing is leased here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from langchain_tyrum.approval.calls import BoundCall
from langchain_tyrum.handles import handle_names
from langchain_tyrum.tools.arguments import refuse_arguments
from langchain_tyrum.tools.bindings import record_of
from langchain_tyrum.tools.selecting import Selection, select
from langchain_tyrum.tools.shape import RUNTIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.tools.bindings import Binding
    from langchain_tyrum.tools.inner import Inner
    from langchain_tyrum.tools.shape import Shape


@dataclass(frozen=True, repr=False)
class Wiring:
    """What a secret tool holds and never shows. It is its own copy."""

    broker: SecretBroker
    inner: Inner
    shape: Shape
    bindings: Mapping[str, Binding]

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


@dataclass(frozen=True, repr=False)
class Bound:
    """A call with its records: what will be leased, and where it goes.

    Attributes:
        call: The call as approvals see it.
        fixed: Records of the parameters that the developer bound.
        chosen: What the model chose, by parameter.
        quoted: Records of the handles that stand in template texts, by handle.
    """

    call: BoundCall
    fixed: Mapping[str, SecretRecord]
    chosen: Mapping[str, Selection]
    quoted: Mapping[str, SecretRecord]


def bind(
    wiring: Wiring,
    args: Mapping[str, Any],
    *,
    name: str,
    tool_id: str,
    call: CallIdentity,
) -> Bound:
    """Check a call's arguments and find the records that it wants.

    Args:
        wiring: The tool's.
        args: The arguments, injected ones too.
        name: The tool's name.
        tool_id: The consumer.
        call: Who makes the call.

    Returns:
        The call with its records.

    Raises:
        TyrumError: The model may not choose these arguments, or a secret is not
            there.
        ValidationError: The arguments do not fit the tool's schema.
    """
    arguments = _checked(wiring.shape, args, tool_id)
    chosen = {
        parameter: _select(wiring, arguments[parameter], tool_id, call)
        for parameter in sorted(wiring.shape.selectors)
        if arguments.get(parameter) is not None
    }
    quoted = {
        handle: _select(wiring, handle, tool_id, call).record
        for parameter in sorted(wiring.shape.templates)
        for handle in _handles(arguments.get(parameter))
    }
    fixed = {
        parameter: record_of(binding, wiring.broker, call, tool_id=tool_id)
        for parameter, binding in wiring.bindings.items()
    }
    selected = [selection.record for selection in chosen.values()]
    bound = BoundCall(
        name=name,
        tool_id=tool_id,
        tool_call_id=call.tool_call_id,
        arguments=arguments,
        records=(*fixed.values(), *selected, *quoted.values()),
    )
    return Bound(bound, fixed, chosen, quoted)


def _checked(shape: Shape, args: Mapping[str, Any], tool_id: str) -> dict[str, Any]:
    theirs = {RUNTIME, *shape.injected}
    given = {name: value for name, value in args.items() if name not in theirs}
    refuse_arguments(
        given,
        tool_id=tool_id,
        forged=shape.forged,
        selectors=shape.selectors,
        templates=shape.templates,
    )
    return shape.arguments(given)


def _select(
    wiring: Wiring, selector: Any, tool_id: str, call: CallIdentity
) -> Selection:
    return select(selector, wiring.broker, tool_id=tool_id, call=call)


def _handles(text: Any) -> list[str]:
    return list(dict.fromkeys(handle_names(text))) if isinstance(text, str) else []
