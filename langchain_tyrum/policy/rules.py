"""One entry of a policy list, and the request that it is held against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.policy.canonical import Outcome, canonical_json
from langchain_tyrum.policy.patterns import any_matches, compiled

#: User ids come from outside: one like `user:ada` must not pass for another's name.
_PLAIN_ID = re.compile(r"[^:/]+")


@dataclass(frozen=True, kw_only=True)
class PolicyRequest:
    """What somebody wants to use a secret for.

    Attributes:
        scope: The scope of the secret.
        provider: Label of the provider that holds it.
        tool_id: The consumer.
        environment: Where this runs; None is no environment, not every one.
        hosts: Where the value may be sent; empty means anywhere.
        principal: On whose behalf: anything with `tenant` and `user`, or a name.
    """

    scope: str
    provider: str = ""
    tool_id: str = ""
    environment: str | None = None
    hosts: tuple[str, ...] = ()
    principal: object = None

    @property
    def principal_names(self) -> tuple[str, ...]:
        """The names that a rule's `principals` may match."""
        if isinstance(self.principal, str):
            return (self.principal,)
        user = getattr(self.principal, "user", None) or None
        tenant = _quoted(getattr(self.principal, "tenant", "default"))
        if user is None:
            return ("service", f"{tenant}/service")
        plain = _PLAIN_ID.fullmatch(user) and user not in ("service", "user")
        bare = (user,) if plain else ()
        return (*bare, "user", f"user:{user}", f"{tenant}/user:{user}")


@dataclass(frozen=True, kw_only=True)
class PolicyRule:
    """One entry of a list: a pattern over the scope, and what narrows it.

    Each attribute is a pattern or several; an empty tuple narrows nothing.

    Attributes:
        scope: Pattern over the scope.
        provider: Pattern over the provider's label.
        tools: Patterns over the tool id.
        environments: Patterns over the environment.
        hosts: Patterns over the hosts. `allow` wants every host of the secret
            covered; the stricter lists are content with one, and take a secret that
            is bound to no host for one that goes anywhere.
        principals: Patterns over `service` and `<tenant>/service`, or over `user`,
            `user:<id>`, `<tenant>/user:<id>` and, where it cannot be mistaken for
            one of these (it has neither `:` nor `/`, and is neither word), the bare
            id. In a tenant's name `%`, `/` and `:` are written `%25`, `%2F`, `%3A`.
    """

    scope: str = "*"
    provider: str = "*"
    tools: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("scope", "provider"):
            _check_pattern(name, getattr(self, name))
        for name in ("tools", "environments", "hosts", "principals"):
            object.__setattr__(self, name, _patterns(name, getattr(self, name)))
        for pattern in self.principals:
            _check_principal(pattern)

    @classmethod
    def read(cls, raw: str | Mapping[str, Any] | PolicyRule) -> PolicyRule:
        """Read an entry: a bare pattern, its table form, or a rule.

        Raises:
            ConfigError: The entry is empty, has an unknown key or a wrong type.
        """
        if isinstance(raw, PolicyRule):
            return raw
        if isinstance(raw, str):
            return cls(scope=raw)
        known = [item.name for item in fields(cls)]
        if not isinstance(raw, Mapping) or not raw or not set(raw) <= set(known):
            raise ConfigError(
                "a policy entry is a pattern over the scope, or a table with at least "
                f"one of {', '.join(known)}; for everything write '*'"
            )
        return cls(**raw)

    def covers(self, request: PolicyRequest, outcome: Outcome) -> bool:
        """Tell whether the rule, standing in the list `outcome`, covers a request."""
        environment = () if request.environment is None else (request.environment,)
        read = self._compiled
        return (
            any_matches(read["scope"], (request.scope,))
            and any_matches(read["provider"], (request.provider,))
            and any_matches(read["tools"], (request.tool_id,))
            and any_matches(read["environments"], environment)
            and any_matches(read["principals"], request.principal_names)
            and self._covers_hosts(request.hosts, outcome)
        )

    def _covers_hosts(self, hosts: tuple[str, ...], outcome: Outcome) -> bool:
        if not self.hosts:
            return True
        patterns = self._compiled["hosts"]
        covered = [any_matches(patterns, (host.lower(),)) for host in hosts]
        if outcome == "allow":
            return bool(covered) and all(covered)
        return not covered or any(covered)

    @cached_property
    def _compiled(self) -> dict[str, tuple[re.Pattern[str], ...]]:
        read: dict[str, tuple[str, ...]] = {
            "scope": (self.scope,),
            "provider": (self.provider,),
            "tools": self.tools,
            "environments": self.environments,
            "hosts": tuple(pattern.lower() for pattern in self.hosts),
            "principals": self.principals,
        }
        return {name: tuple(map(compiled, texts)) for name, texts in read.items()}

    @cached_property
    def canonical(self) -> dict[str, Any]:
        """The rule with everything left out that narrows nothing, lists sorted."""
        plain = {"scope": self.scope, "provider": self.provider}
        lists = {
            name: sorted(set(getattr(self, name)))
            for name in ("tools", "environments", "hosts", "principals")
        }
        return {key: value for key, value in (plain | lists).items() if value != "*"}

    def __str__(self) -> str:
        table = {key: value for key, value in self.canonical.items() if value}
        return repr(self.scope) if set(table) <= {"scope"} else canonical_json(table)


def _quoted(tenant: str) -> str:
    """A tenant's name such that its end is seen: none can pass for part of another."""
    return tenant.replace("%", "%25").replace("/", "%2F").replace(":", "%3A")


def _check_pattern(name: str, pattern: object) -> None:
    if not isinstance(pattern, str) or not pattern:
        raise ConfigError(f"a policy entry's {name!r} is a pattern: for all write '*'")


def _check_principal(pattern: str) -> None:
    """Refuse a pattern that no principal can have: a `deny` would silently be none."""
    head, *wild = re.split(r"[*?]", pattern, maxsplit=1)
    tenant, slash, who = head.partition("/")
    if head.startswith("user:") or (":" not in tenant and not slash):
        return
    begun = bool(wild) and ("user:".startswith(who) or "service".startswith(who))
    if ":" not in tenant and (begun or who == "service" or who.startswith("user:")):
        return
    raise ConfigError(
        "a policy entry's 'principals' has a pattern that no principal can match: an "
        "id with ':' or '/' is written 'user:<id>'; in a tenant's name they are "
        "'%3A' and '%2F'"
    )


def _patterns(name: str, raw: object) -> tuple[str, ...]:
    found = (raw,) if isinstance(raw, str) else raw
    if not isinstance(found, list | tuple | set | frozenset):
        raise ConfigError(f"a policy entry's {name!r} is a list of patterns")
    for pattern in found:
        _check_pattern(name, pattern)
    return tuple(sorted(found)) if isinstance(found, set | frozenset) else tuple(found)
