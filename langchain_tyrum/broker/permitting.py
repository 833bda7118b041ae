"""The part of the broker that decides, and records what people permitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langchain_tyrum.broker.checking import (
    caller,
    check_texts,
    check_tool_id,
    several,
)
from langchain_tyrum.broker.lease.checks import check_usable
from langchain_tyrum.broker.part import Part, twin
from langchain_tyrum.errors import ConfigError, TyrumError
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.grants import Use
from langchain_tyrum.ledger.policies import Policies
from langchain_tyrum.policy import policy_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import UnionType

    from langchain_tyrum.broker.core import Journal, Secret
    from langchain_tyrum.broker.identity import CallIdentity
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.grants import Grant, GrantMode
    from langchain_tyrum.policy import Decision, SecretPolicy

#: A hundred years, and what every database's integers hold.
_MAX_TTL = 100 * 365 * 86_400
_MAX_USES = 2**31 - 1


class Permitting(Part):
    """Decisions and grants."""

    @property
    def policy(self) -> tuple[SecretPolicy, ...]:
        """The layers that decide, the outermost first; none: always ask a person."""
        return self._core.layers

    def policy_snapshot(self, sha256: str) -> Any:
        """What a policy said that decided here once, from the hash that rows carry.

        Args:
            sha256: The `policy_sha256` of a ledger row, a request or a grant.

        Returns:
            One layer as `[default, {outcome: entries}]`, or a stack as the list of its
            layers' hashes, outermost first; None when it never decided here. Anybody
            can check it: the hash is that of its canonical JSON.
        """
        return Policies(self._core.catalog).find(sha256)

    def decide(
        self,
        tool_id: str,
        secrets: Sequence[Secret] | Secret,
        *,
        call: CallIdentity | None = None,
    ) -> Decision:
        """What the policy says to a use, rule by rule. Nothing is resolved or spent.

        Args:
            tool_id: The consumer.
            secrets: What it wants, by name or handle: several, or one.
            call: On whose behalf.

        Returns:
            The outcome for all of them together: the most restrictive one.

        Raises:
            SecretNotFound: One of them is unknown.
            SecretForbidden: One of them is somebody else's, or of another environment.
            SecretRevoked: One of them is revoked.
        """
        call = caller(call)
        return self._core.decide(tool_id, self._records(tool_id, secrets, call), call)

    def usable_grant(
        self,
        tool_id: str,
        secrets: Sequence[Secret] | Secret,
        *,
        call: CallIdentity | None = None,
        digest: str | None = None,
    ) -> Grant | None:
        """The grant that a lease of these secrets would use now; None if there is none.

        Args:
            tool_id: The consumer.
            secrets: What it wants.
            call: On whose behalf, and in which thread.
            digest: Digest of the approved call, for `once` grants.
        """
        call = caller(call)
        records = self._records(tool_id, secrets, call)
        use = self._leases.needs(records, tool_id=tool_id, call=call, digest=digest)
        if use is None:
            return None
        with self._core.catalog.reading() as connection:
            return self._core.grants.usable(connection, use)

    def grant(
        self,
        *,
        mode: GrantMode,
        tool_id: str,
        scopes: Sequence[str],
        ttl_seconds: float | None = None,
        max_uses: int | None = None,
        call: CallIdentity | None = None,
        digest: str | None = None,
        request_id: str | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> Grant:
        """Record a person's permission.

        Args:
            mode: `once` (one call), `session` (this thread) or `always` (this user
                and tool, in every thread; survives rotation, not revocation).
            tool_id: The consumer it is for.
            scopes: The scopes it covers. An `always` grant is for the scopes and not
                for the secrets: one that gets such a scope later is covered as well,
                so give what must be asked for apart a scope of its own.
            ttl_seconds: How long it holds, in seconds; None means without end.
            max_uses: How many calls it covers; None means any number.
            call: Whose permission it is, and in which thread.
            digest: The one call that a `once` grant is for.
            request_id: The approval request it answers.
            versions: Secret versions it is given for, by handle id; by default the
                versions that secrets of these scopes have now.

        Returns:
            The grant.

        Raises:
            ConfigError: The mode is unknown, a limit is zero, less, or no number, or
                tool id, scopes or `call` are not what they have to be.
        """
        if mode not in ("once", "session", "always"):
            raise ConfigError("a grant's mode is 'once', 'session' or 'always'")
        _check_limit("ttl_seconds", ttl_seconds, _MAX_TTL, int | float)
        _check_limit("max_uses", max_uses, _MAX_USES, int)
        check_tool_id(tool_id)
        meant = [scopes] if isinstance(scopes, str) and scopes else ["github/token"]
        check_texts("a grant's scopes", scopes, repr(meant))
        call = caller(call)
        with self._core.journal() as journal:
            if versions is None:
                versions = self._versions(journal, scopes, call)
            use = Use(
                tenant=call.tenant,
                user=call.user,
                thread_id=call.thread_id,
                tool_id=tool_id,
                scopes=tuple(scopes),
                versions=versions,
                digest=digest,
            )
            grant = self._core.grants.create(
                journal.connection,
                use,
                mode=mode,
                ttl_seconds=ttl_seconds,
                max_uses=max_uses,
                request_id=request_id,
                policy_sha256=policy_sha256(self._core.layers),
            )
            journal.log("grant_created", mode, **_told(grant))
        return grant

    def grants(self, *, tenant: str | None = None) -> list[Grant]:
        """Every grant ever given, oldest first.

        Args:
            tenant: Only those of its callers; by default of all tenants.
        """
        with self._core.catalog.reading() as connection:
            found = self._core.grants.all(connection)
        return [grant for grant in found if tenant in (None, grant.tenant)]

    def revoke_grant(self, grant_id: str) -> Grant | None:
        """End a grant; returns it, ended, or None when no such grant is active."""
        with self._core.journal() as journal:
            grant = self._core.grants.end(journal.connection, grant_id)
            if grant:
                journal.log("grant_ended", grant.mode, **_told(grant))
        return grant

    def record(self, action: str, outcome: str, /, **fields: Any) -> None:
        """Append one row to the ledger.

        Args:
            action: What happened, e.g. `approval_asked`.
            outcome: How it ended.
            **fields: Further ledger fields; registered values are taken out.
        """
        if fields.get("error"):
            fields["error"] = self._checked(fields["error"])
        with self._core.journal() as journal:
            journal.log(action, outcome, **fields)

    def _records(
        self, tool_id: str, secrets: Sequence[Secret] | Secret, call: CallIdentity
    ) -> list[SecretRecord]:
        check_tool_id(tool_id)
        wanted = several(secrets)
        try:
            with self._core.catalog.reading() as connection:
                found = [
                    self._core.find(
                        connection, secret, tenant=call.tenant, owner=call.user
                    ).record
                    for secret in wanted
                ]
        except TyrumError as error:
            error.tool_id = error.tool_id or tool_id
            raise
        for record in found:  # nobody is asked about what could not be leased
            check_usable(
                record, tool_id=tool_id, call=call, environment=self._core.environment
            )
        return found

    def _versions(
        self, journal: Journal, scopes: Sequence[str], call: CallIdentity
    ) -> dict[str, int]:
        columns = schema.secrets.c
        found = self._core.catalog.find(
            journal.connection,
            columns.tenant == call.tenant,
            columns.scope.in_(tuple(scopes)),
            columns.owner.in_(("", call.user or "")),
        )
        return {entry.record.handle_id: entry.record.version for entry in found}

    apolicy_snapshot = twin(policy_snapshot)
    adecide = twin(decide)
    ausable_grant = twin(usable_grant)
    agrant = twin(grant)
    agrants = twin(grants)
    arevoke_grant = twin(revoke_grant)
    arecord = twin(record)


def _check_limit(
    name: str, given: object, highest: int, kind: type | UnionType
) -> None:
    """Refuse what would be no limit: zero is not "without end", nor is infinity."""
    if given is None:
        return
    right = isinstance(given, kind) and not isinstance(given, bool)
    if not (right and 0 < cast("float", given) <= highest):
        raise ConfigError(
            f"a grant's {name} is a number above zero, at most {highest}; leave it "
            "out for no limit"
        )


def _told(grant: Grant) -> dict[str, Any]:
    return {
        "scope": ", ".join(grant.scopes),
        "tool_id": grant.tool_id,
        "thread_id": grant.thread_id,
        "tenant": grant.tenant,
        "user": grant.user,
        "policy_sha256": grant.policy_sha256,
    }
