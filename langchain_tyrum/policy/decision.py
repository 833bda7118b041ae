"""The decision: what a stack of layers says about a use of secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tyrum.handles import Table
from langchain_tyrum.policy.canonical import (
    OUTCOMES,
    Outcome,
    canonical_json,
    text_sha256,
)
from langchain_tyrum.policy.layer import SecretPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_tyrum.policy.rules import PolicyRequest


@dataclass(frozen=True, kw_only=True)
class RuleHit:
    """Why a scope got its outcome: one rule or default that spoke.

    Attributes:
        scope: The scope it is about.
        outcome: What the rule says.
        rule: The rule, or `default`, or `no policy`, or `nothing matches`.
        layer: Name of the layer, or its place from the top, from 1.
    """

    scope: str
    outcome: Outcome
    rule: str
    layer: str = ""

    def __str__(self) -> str:
        where = f" (layer {self.layer})" if self.layer else ""
        return f"{self.scope}: {self.outcome} by {self.rule}{where}"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What policy says about one use of one or several secrets.

    Attributes:
        outcome: The most restrictive outcome over all scopes.
        scopes: The scopes asked for, sorted, each once.
        rules: Every rule that spoke, by scope, layer and strictness.
        policy_sha256: Hash of the layers that decided.
    """

    outcome: Outcome
    scopes: tuple[str, ...]
    rules: tuple[RuleHit, ...]
    policy_sha256: str

    def _repr_html_(self) -> str:
        return Table(
            [{"decision": self.outcome, **vars(hit)} for hit in self.rules]
        )._repr_html_()


def evaluate(
    layers: Sequence[SecretPolicy], requests: Sequence[PolicyRequest]
) -> Decision:
    """Decide over a use of secrets; the table stands in `langchain_tyrum.policy`.

    Args:
        layers: The policies, deployment first.
        requests: One per secret that the use needs.

    Returns:
        The most restrictive outcome, and every rule that spoke.
    """
    per_request = [_speakers(layers, request) for request in requests]
    return Decision(
        outcome=strictest(hit.outcome for hits in per_request for hit in hits),
        scopes=tuple(sorted({request.scope for request in requests})),
        rules=tuple(hit for hits in per_request for hit in hits),
        policy_sha256=policy_sha256(layers),
    )


def policy_sha256(layers: Sequence[SecretPolicy]) -> str:
    """Hash a stack of layers; empty ones do not count, one alone is its own hash."""
    return text_sha256(_stack(layers))


def snapshots(layers: Sequence[SecretPolicy]) -> dict[str, str]:
    """The canonical form of each layer and of the stack, by their hashes."""
    found = {layer.sha256: layer.canonical for layer in _speaking(layers)}
    stack = _stack(layers)
    return found | {text_sha256(stack): stack}


def _stack(layers: Sequence[SecretPolicy]) -> str:
    speaking = _speaking(layers)
    if len(speaking) > 1:
        return canonical_json([layer.sha256 for layer in speaking])
    return (speaking or [SecretPolicy()])[0].canonical


def _speaking(layers: Sequence[SecretPolicy]) -> list[SecretPolicy]:
    return [layer for layer in layers if not layer.is_empty]


def strictest(outcomes: Iterable[Outcome]) -> Outcome:
    """The most restrictive of some outcomes; of none, `allow`."""
    return max(outcomes, key=OUTCOMES.index, default="allow")


def _speakers(
    layers: Sequence[SecretPolicy], request: PolicyRequest
) -> tuple[RuleHit, ...]:
    """Read the layers from the top; the strictest of what speaks is the outcome."""
    hits: list[RuleHit] = []
    matched = False
    for place, layer in enumerate(layers, start=1):
        name = layer.name or str(place)
        found = [
            RuleHit(scope=request.scope, outcome=outcome, rule=str(rule), layer=name)
            for outcome in OUTCOMES[::-1]
            for rule in layer.rules(outcome)
            if rule.covers(request, outcome)
        ]
        hits += found
        matched = matched or bool(found)
        if not matched and layer.default is not None:
            hits.append(
                RuleHit(
                    scope=request.scope,
                    outcome=layer.default,
                    rule="default",
                    layer=name,
                )
            )
    return tuple(hits) or (_silence(layers, request.scope),)


def _silence(layers: Sequence[SecretPolicy], scope: str) -> RuleHit:
    if all(layer.is_empty for layer in layers):
        return RuleHit(scope=scope, outcome="require_approval", rule="no policy")
    return RuleHit(scope=scope, outcome="deny", rule="nothing matches")
