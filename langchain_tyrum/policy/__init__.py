"""Policy: allow, require_approval or deny, decided over scopes. Pure.

Within a layer deny beats require_approval beats allow. Layers are read from the top
(deployment) down (environment, agent, run); "·" stands between an upper and a lower
one. For one scope:

| what the layers hold                           | outcome          | because         |
|------------------------------------------------|------------------|-----------------|
| nothing, or no layers                          | require_approval | no policy       |
| lists, no match                                | deny             | nobody speaks   |
| `default=X`, no match                          | X                | default         |
| `allow` match                                  | allow            | pattern         |
| `require_approval` match                       | require_approval | pattern         |
| `deny` match                                   | deny             | pattern         |
| `allow` and `require_approval` match           | require_approval | stricter list   |
| `allow` and `deny` match                       | deny             | stricter list   |
| `require_approval` and `deny` match            | deny             | stricter list   |
| `default=deny`, `allow` match                  | allow            | pattern first   |
| `allow` match · `deny` match                   | deny             | stricter layer  |
| `deny` match · `allow` match                   | deny             | stricter layer  |
| `default=allow` · `default=deny`, no match     | deny             | stricter layer  |
| `default=deny` · `default=allow`, no match     | deny             | stricter layer  |
| `default=allow` · lists, no match              | allow            | lists abstain   |
| lists, no match · `allow` match                | allow            | lists abstain   |
| `allow` match · `default=deny`                 | allow            | already matched |
| `default=allow` · `deny` match                 | deny             | stricter layer  |
| `default=deny` · `allow` match                 | deny             | only narrows    |
| `default=require_approval` · `allow` match     | require_approval | only narrows    |

So a default speaks only for scopes that no layer down to its own matches, and what a
layer has said, by pattern or by default, no layer below it widens: an agent's
`allow=["*"]` does not beat a deployment's `default="deny"`. Silence is not speech:
who wants a closed list that lower layers cannot add to writes `default="deny"`.

Several scopes: the most restrictive outcome. Nothing asked for: allow.
"""

from __future__ import annotations

from langchain_tyrum.policy.canonical import Outcome
from langchain_tyrum.policy.decision import (
    Decision,
    RuleHit,
    Silence,
    evaluate,
    policy_sha256,
    snapshots,
    strictest,
)
from langchain_tyrum.policy.layer import SecretPolicy
from langchain_tyrum.policy.patterns import matches
from langchain_tyrum.policy.rules import PolicyRequest, PolicyRule

__all__ = [
    "Decision",
    "Outcome",
    "PolicyRequest",
    "PolicyRule",
    "RuleHit",
    "SecretPolicy",
    "Silence",
    "evaluate",
    "matches",
    "policy_sha256",
    "snapshots",
    "strictest",
]
