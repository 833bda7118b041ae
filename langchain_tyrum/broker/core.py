"""What the parts of a broker share: its stores, its rules and its journal."""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.records.names import names_of, refuse_word, unknown
from langchain_tyrum.errors import ConfigError, WeakSecret
from langchain_tyrum.handles import SCHEME, Principal, SecretHandle, SecretRecord
from langchain_tyrum.ledger.audit import Audit, Event
from langchain_tyrum.policy import PolicyRequest, SecretPolicy, evaluate
from langchain_tyrum.providers.cipher import is_key_name, key_credentials
from langchain_tyrum.redaction.structure import is_structure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from langchain_tyrum.broker.identity import CallIdentity
    from langchain_tyrum.ledger.catalog import Catalog
    from langchain_tyrum.ledger.grants import Grants
    from langchain_tyrum.ledger.secret_rows import Entry
    from langchain_tyrum.policy import Decision
    from langchain_tyrum.providers import SecretProvider
    from langchain_tyrum.redaction import Redactor

#: How developer code may name a secret: by name, handle, `tyrum://h_…` or record.
Secret = str | SecretHandle | SecretRecord

_CHOSEN_BY_CODE = ("outcome", "name", "scope", "tool_id")
_IDS_OF_CALLS = ("tool_call_id", "thread_id", "run_id")


class Journal:
    """One open transaction that can write ledger rows."""

    def __init__(self, connection: Connection, core: Core) -> None:
        self.connection = connection
        self.rows: list[dict[str, Any]] = []
        self._core = core

    def log(self, action: str, outcome: str, **fields: Any) -> None:
        """Append one row; it commits with the transaction."""
        event = self._core.clean(Event(action=action, outcome=outcome, **fields))
        self.rows.append(self._core.audit.append(self.connection, event))


@dataclass(frozen=True, repr=False)
class Core:
    """The stores and rules of one broker."""

    catalog: Catalog
    grants: Grants
    audit: Audit
    providers: Mapping[str, SecretProvider]
    redactor: Redactor
    layers: tuple[SecretPolicy, ...]
    environment: str | None
    fingerprint_key: bytes
    # Versions whose values the redactor has been told of, as (handle id, version).
    known: set[tuple[str, int]] = field(default_factory=set)

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Open a transaction; its ledger rows reach the sinks after the commit."""
        with self.catalog.transaction() as connection:
            journal = Journal(connection, self)
            yield journal
        self.audit.publish(*journal.rows)

    def clean(self, event: Event) -> Event:
        """Take registered values out of what is about to be written for good.

        Who did what to which secret is never rewritten, or a user could blind the
        books by storing an id as a secret. The ids of a call are cleaned of what its
        caller stored, and, with all that code chooses, of what the services did; free
        text of anybody's.
        """
        text = json.dumps(vars(event))
        if not self.redactor.contains(text.encode()):
            return event
        tenant = event.tenant or "default"
        services = self.redactor.view(Principal(tenant))
        caller = self.redactor.view(Principal(tenant, event.user))
        eyes = dict.fromkeys(_CHOSEN_BY_CODE, services)
        eyes |= {**dict.fromkeys(_IDS_OF_CALLS, caller), "error": self.redactor}
        fields: dict[str, Any] = {
            name: redactor.redact_text(value)
            for name, redactor in eyes.items()
            if isinstance(value := getattr(event, name), str)
        }
        return replace(event, **fields)

    def provider(self, label: str) -> SecretProvider:
        """The provider of that name.

        Raises:
            ConfigError: This broker was opened without it.
        """
        if label in self.providers:
            return self.providers[label]
        known = ", ".join(sorted(self.providers)) or "none"
        raise ConfigError(
            f"this broker has no provider {label!r} (it has: {known}): pass it to "
            "SecretBroker(providers=…)"
        )

    def find(
        self,
        connection: Connection,
        secret: Secret,
        *,
        tenant: str = "default",
        owner: str | None = None,
        is_owners: bool = False,
    ) -> Entry:
        """The entry that `secret` names; a service's name comes before a user's own.

        With `is_owners` only the owner's own counts, who is a service when none is
        given: what is changed is never somebody else's. A handle without an owner
        names what it names.

        Raises:
            SecretNotFound: There is none. A text that reads like no name is not
                repeated, since it could be a value.
        """
        handle_id = _handle_id(secret)
        if handle_id:
            entry = self.catalog.by_id(connection, handle_id)
            if is_owners and owner and entry.record.owner != owner:
                raise unknown(handle_id, ())
            return entry
        owners = ("", owner) if owner and not is_owners else (owner or "",)
        name = str(secret)
        found = self.catalog.by_name(
            connection,
            name,
            tenant=tenant,
            owners=owners,
            environment=self.environment,
        )
        if found is None or found.record.name != name:  # some databases fold case
            shown = self.redactor.redact_text(name)[:64]
            raise unknown(
                shown,
                names_of(
                    self.catalog, connection, tenant=tenant, owners=owners, like=shown
                ),
            )
        return found

    def decide(
        self, tool_id: str, records: Sequence[SecretRecord], call: CallIdentity
    ) -> Decision:
        """What the policy says to this use of these secrets."""
        requests = [
            PolicyRequest(
                scope=record.scope,
                provider=record.provider,
                tool_id=tool_id,
                environment=self.environment,
                hosts=record.allowed_hosts,
                principal=call,
            )
            for record in records
        ]
        return evaluate(self.layers, requests)

    def cover(self, record: SecretRecord, value: str | bytes) -> None:
        """Tell the redactor of a value that is stored.

        Short ones too: they were admitted when they were put.
        """
        self.redactor.register(
            record.name,
            value,
            tenant=record.tenant,
            owner=record.owner,
            allow_short=True,
        )

    def uncover(self, record: SecretRecord, value: str | bytes) -> None:
        """Tell the redactor that a value is destroyed and in nobody's hands."""
        self.redactor.unregister(
            record.name, value=value, tenant=record.tenant, owner=record.owner
        )

    def cover_credentials(self) -> None:
        """Tell the redactor of what the store and its providers are opened with.

        Raises:
            WeakSecret: A provider logs in with what cannot be told from plain text. A
                master key may be such; then it is nobody's, and does not count.
        """
        if not self.catalog.in_memory:  # there nobody knows the key
            self._cover_keys(key_credentials(self.audit.ring.keys))
        for provider in self.providers.values():
            found = dict(getattr(provider, "credentials", dict)())
            self._cover_keys({n: found.pop(n) for n in list(found) if is_key_name(n)})
            for name, value in found.items():
                self.redactor.register(name, value, allow_short=True)

    def _cover_keys(self, keys: Mapping[str, str | bytes]) -> None:
        for name, value in keys.items():
            with suppress(WeakSecret):
                self.redactor.register(name, value, allow_short=True)

    def refuse_value_as_name(self, *texts: str | None) -> None:
        """Refuse a name, alias or title that holds a value or looks like one.

        Raises:
            ConfigError: One does. It is not repeated.
        """
        for finding in self.redactor.scan([text for text in texts if text]):
            raise ConfigError(
                f"that name reads like a credential ({finding.rule}): names are shown "
                "everywhere; choose another, and replace the credential if it is real"
            )

    def refuse_identifier(
        self, name: object, value: str | bytes, *ids: str | None
    ) -> None:
        """Refuse a value that runs and books are made of: it would be hidden there.

        Raises:
            WeakSecret: It is a graph's node or state key, a word of the ledger, an id,
                or one of `ids`.
        """
        refuse_word(name, value, *ids)
        if is_structure(self.redactor, value):
            raise WeakSecret("the value is the name of a node or state key of a graph")

    def fingerprint(self, entry_key: tuple[str, ...], value: str | bytes) -> str:
        """A keyed digest that tells equal values of one secret, and nothing more."""
        raw = value.encode() if isinstance(value, str) else value
        message = json.dumps(entry_key).encode() + b"\0" + raw
        return hmac.new(self.fingerprint_key, message, hashlib.sha256).hexdigest()


def _handle_id(secret: Secret) -> str | None:
    if isinstance(secret, SecretHandle | SecretRecord):
        return secret.handle_id
    if isinstance(secret, str) and not secret.startswith(SCHEME):
        return None
    return SecretHandle.parse(secret).handle_id
