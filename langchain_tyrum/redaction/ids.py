"""Ids that a framework makes up anew for each message, task and checkpoint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.registry import Registry
    from langchain_tyrum.redaction.tiers import Tier

_GROUP = "-[0-9a-f]{4}"
#: What LangChain and LangGraph make up; repeated groups would cost more.
is_made_up = re.compile(
    rf"(?:|lc_run--)[0-9a-f]{{8}}{3 * _GROUP}-[0-9a-f]{{12}}(?:|-[0-9]{{1,3}})"
).fullmatch
#: The most digits in a row that one has.
LONGEST = 12
#: A form that may stand in one: between two hyphens it is no longer than that.
_may_stand = re.compile(rb"[0-9a-flrun_]{0,12}(?:-[0-9a-flrun_]{0,12})*").fullmatch
_unsure: MutableMapping[Tier, bool] = WeakKeyDictionary()


def are_beyond(redactor: Redactor, ids: Iterable[Any]) -> bool:
    """Tell of made-up ids, by their letters, that nobody's value stands in them.

    Most values have other letters in all their forms. Then ids need no search, of
    which there would be several at each step. A value of such letters alone, such as
    another id or a number, makes all ids unsure.

    Args:
        redactor: Knows the values; everybody's count.
        ids: Whatever they are; others than made-up ones are unsure, too.
    """
    for each in ids:  # no generator: it is asked several times a step
        if type(each) is not str or not is_made_up(each):
            return False
    return not may_stand_in_ids(registry_of(redactor))


def registry_of(redactor: Redactor) -> Registry:
    """Return what a redactor's values are registered in; it never changes."""
    return redactor._guard.registry  # noqa: SLF001


def may_stand_in_ids(registry: Registry) -> bool:
    """Tell whether anybody's value has only letters of made-up ids, in any form.

    It is for who asks once for each generation: while that is the same, no value
    comes in.
    """
    return any(map(_is_unsure, registry.tiers()))


def _is_unsure(tier: Tier) -> bool:
    found = _unsure.get(tier)
    if found is None:
        found = _unsure[tier] = any(map(_may_stand, tier.forms))
    return found
