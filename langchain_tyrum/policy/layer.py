"""One layer of policy: three lists over scopes, and a default for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.policy.canonical import (
    OUTCOMES,
    Outcome,
    canonical_json,
    text_sha256,
)
from langchain_tyrum.policy.rules import PolicyRule


@dataclass(frozen=True)
class SecretPolicy:
    """One layer: three lists over scopes, and what to do with the rest.

    Args:
        default: For scopes that no layer down to this one matches. None abstains.
        allow: Entries, as `PolicyRule.read` takes them.
        require_approval: Entries that a person or a grant has to agree to.
        deny: Entries for which the provider is never called.
        name: What decisions call the layer; no part of its hash.

    Raises:
        ConfigError: An entry or the default is not understood.
    """

    default: Outcome | None = None
    allow: Sequence[str | Mapping[str, Any] | PolicyRule] = ()
    require_approval: Sequence[str | Mapping[str, Any] | PolicyRule] = ()
    deny: Sequence[str | Mapping[str, Any] | PolicyRule] = ()
    name: str = field(default="", kw_only=True, compare=False)

    def __post_init__(self) -> None:
        if self.default is not None and self.default not in OUTCOMES:
            raise ConfigError(f"a policy's default is one of {', '.join(OUTCOMES)}")
        for outcome in OUTCOMES:
            raw = getattr(self, outcome)
            if isinstance(raw, str | Mapping) or not isinstance(raw, Iterable):
                meant = [raw] if isinstance(raw, str | Mapping) and raw else ["*"]
                raise ConfigError(
                    f"a policy's {outcome!r} is a list: write {outcome}={meant!r}"
                )
            rules = tuple(PolicyRule.read(entry) for entry in raw)
            object.__setattr__(self, outcome, rules)

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, name: str = "") -> Self:
        """Read a layer from a table of a settings file.

        Raises:
            ConfigError: It has an unknown key, or an entry is not understood.
        """
        known = ("default", *OUTCOMES)
        if unknown := sorted(set(table) - set(known)):
            raise ConfigError(
                f"a policy has no {', '.join(map(repr, unknown))}: its keys are "
                f"{', '.join(known)}"
            )
        return cls(**table, name=name)

    def rules(self, outcome: Outcome) -> tuple[PolicyRule, ...]:
        """The rules of one list, as read."""
        rules: tuple[PolicyRule, ...] = getattr(self, outcome)
        return rules

    @property
    def is_empty(self) -> bool:
        """Whether the layer has neither lists nor default."""
        return self.default is None and not any(map(self.rules, OUTCOMES))

    @cached_property
    def canonical(self) -> str:
        """The layer in the one form in which neither order nor spelling counts."""
        lists: dict[str, list[str]] = {
            outcome: sorted(
                {canonical_json(rule.canonical) for rule in self.rules(outcome)}
            )
            for outcome in OUTCOMES
        }
        return canonical_json([self.default, lists])

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical form."""
        return text_sha256(self.canonical)

    def __hash__(self) -> int:
        return hash(self.sha256)
