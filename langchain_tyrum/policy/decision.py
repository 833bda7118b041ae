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
class Silence:
    """Why a layer said nothing to a scope.

    Attributes:
        scope: The scope it is about.
        why: The reason.
        layer: Name of the layer, or its place from the top, from 1.
    """

    scope: str
    why: str
    layer: str

    def __str__(self) -> str:
        return f"{self.scope}: layer {self.layer} is silent, {self.why}"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What policy says about one use of one or several secrets.

    Attributes:
        outcome: The most restrictive outcome over all scopes.
        scopes: The scopes asked for, sorted, each once.
        rules: Every rule that spoke, by scope, layer and strictness.
        policy_sha256: Hash of the layers that decided.
        silent: Every layer that said nothing to a scope, and why.
    """

    outcome: Outcome
    scopes: tuple[str, ...]
    rules: tuple[RuleHit, ...]
    policy_sha256: str
    silent: tuple[Silence, ...] = ()

    def __str__(self) -> str:
        asked = ", ".join(self.scopes) or "no secret"
        head = f"{self.outcome} for {asked} (policy {self.policy_sha256[:12]})"
        return "\n  ".join([head, *map(str, self.rules), *map(str, self.silent)])

    def _repr_html_(self) -> str:
        spoke = [{"decision": self.outcome, **vars(hit)} for hit in self.rules]
        quiet = [
            {
                "decision": self.outcome,
                "scope": one.scope,
                "outcome": "",
                "rule": f"silent, {one.why}",
                "layer": one.layer,
            }
            for one in self.silent
        ]
        return Table(spoke + quiet)._repr_html_()


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
    read = [_read(layers, request) for request in requests]
    rules = tuple(hit for hits, _ in read for hit in hits)
    return Decision(
        outcome=strictest(hit.outcome for hit in rules),
        scopes=tuple(sorted({request.scope for request in requests})),
        rules=rules,
        policy_sha256=policy_sha256(layers),
        silent=tuple(one for _, silences in read for one in silences),
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


def _read(
    layers: Sequence[SecretPolicy], request: PolicyRequest
) -> tuple[tuple[RuleHit, ...], tuple[Silence, ...]]:
    """Read the layers from the top; the strictest of what speaks is the outcome."""
    hits: list[RuleHit] = []
    silences: list[Silence] = []
    matched = ""
    for place, layer in enumerate(layers, start=1):
        name = layer.name or str(place)
        found = _matching(layer, name, request)
        hits += found
        matched = matched or (name if found else "")
        if not matched and layer.default is not None:
            hits.append(
                RuleHit(
                    scope=request.scope,
                    outcome=layer.default,
                    rule="default",
                    layer=name,
                )
            )
        elif not found:
            why = _why_silent(layer, matched)
            silences.append(Silence(scope=request.scope, why=why, layer=name))
    return tuple(hits) or (_nobody(layers, request.scope),), tuple(silences)


def _matching(layer: SecretPolicy, name: str, request: PolicyRequest) -> list[RuleHit]:
    return [
        RuleHit(scope=request.scope, outcome=outcome, rule=str(rule), layer=name)
        for outcome in OUTCOMES[::-1]
        for rule in layer.rules(outcome)
        if rule.covers(request, outcome)
    ]


def _why_silent(layer: SecretPolicy, matched: str) -> str:
    if layer.is_empty:
        return "since it is empty"
    if layer.default is None:
        return "since nothing in it matches and it has no default"
    return f"since layer {matched} matches, so the default {layer.default} is not asked"


def _nobody(layers: Sequence[SecretPolicy], scope: str) -> RuleHit:
    if all(layer.is_empty for layer in layers):
        return RuleHit(scope=scope, outcome="require_approval", rule="no policy")
    return RuleHit(scope=scope, outcome="deny", rule="nothing matches")
