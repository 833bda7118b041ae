"""The tables of `tyrum.toml`, as models."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - as pydantic has it
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from langchain_tyrum.broker.config.fields import (
    Host,
    LongName,
    Moment,
    Name,
    Patterns,
    Scope,
    Text,
    entry_form,
)
from langchain_tyrum.policy import Outcome  # noqa: TC001 - pydantic reads it


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show nothing: options may have come from the environment."""
        return iter(())


class CatalogTable(_Table):
    """Where records, grants and the ledger are kept; never a raw value."""

    url: Text | None = None
    """Any SQLAlchemy URL, a password as `${NAME}`; default: `sqlite:///tyrum.db`."""
    key_file: Text | None = None
    """File of the master key, in a folder of its own; SQLite: beside the catalog."""


class ProviderTable(_Table):
    """Where raw values live. Besides `kind` it takes the options of its kind."""

    model_config = ConfigDict(extra="allow")

    kind: Name | None = None
    """`database`, `keyring`, `env`, `dotenv`, `onepassword`, `vault`, `memory`,
    `chain`, or what a package registers."""


class SecretTable(_Table):
    """One secret: where its value is, and what it may be used for."""

    provider: Name | None = None
    """The label of the provider that holds it."""
    ref: Text | None = None
    """What the provider calls it; by default the name."""
    scope: Scope | None = None
    """What it may be used for, e.g. `github:issues:write`; by default the name."""
    allowed_hosts: tuple[Host, ...] = ()
    """The only hosts it may be sent to."""
    expires_at: Moment | None = None
    """When it stops working, e.g. `2027-01-31T12:00:00Z`."""
    owner: LongName | None = None
    """The user it belongs to; nobody else can lease it."""
    tenant: LongName = "default"
    """The tenant it belongs to."""


class ReferenceTable(_Table):
    """What models may call a secret, by the alias they see, and for which tools."""

    secret: LongName | None = None
    """The name of the secret."""
    tools: tuple[Text, ...] = ()
    """The tool ids that may take it, at least one."""
    display_name: Name | None = None
    """What people are shown."""


class PolicyEntry(_Table):
    """A pattern over the scope, narrowed by what else must match."""

    scope: Text = "*"
    """Pattern over the scope; `*` is any run of characters, `?` exactly one."""
    provider: Text = "*"
    """Pattern over the provider's label."""
    tools: Patterns = ()
    """Patterns over the tool id."""
    environments: Patterns = ()
    """Patterns over the environment."""
    hosts: Patterns = ()
    """Patterns over the hosts of the secret."""
    principals: Patterns = ()
    """Patterns over `service`, `user`, `user:<id>` and `<tenant>/user:<id>`."""

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, raw: Any) -> Any:
        if raw == {}:
            raise ValueError("is an empty entry; for every scope write '*'")
        return raw


Entry = Annotated[
    Annotated[Text, Tag("pattern")] | Annotated[PolicyEntry, Tag("table")],
    Discriminator(entry_form),
]


class PolicyTable(_Table):
    """One layer of policy. Of several layers the stricter outcome wins."""

    default: Outcome | None = None
    """What holds for scopes that no layer matches."""
    allow: tuple[Entry, ...] = ()
    """Scopes that may be used without asking."""
    require_approval: tuple[Entry, ...] = ()
    """Scopes that a person has to agree to."""
    deny: tuple[Entry, ...] = ()
    """Scopes that are never used."""


class Tables(_Table):
    """What an environment may hold; it is laid over what stands at the top."""

    catalog: CatalogTable = CatalogTable()
    """Where records, grants and the ledger are kept."""
    providers: dict[str, ProviderTable] = Field(default_factory=dict)
    """Where raw values live, by label. New values go to the first writable one."""
    secrets: dict[str, SecretTable] = Field(default_factory=dict)
    """The secrets, by name."""
    references: dict[str, ReferenceTable] = Field(default_factory=dict)
    """What models may choose from, by alias."""
    policy: PolicyTable | None = None
    """Who may use what; in an environment one more layer, which never widens what this
    one says to a scope. With lists and no `default`, this one says nothing to scopes
    that it does not match: an environment may allow them, until it has a `default`."""


class Document(Tables):
    """The settings of langchain-tyrum: `tyrum.toml`."""

    environment: Name | None = None
    """Where this runs, unless `TYRUM_ENVIRONMENT` or the program says otherwise."""
    application: Name = "default"
    """Who declares: give each of several files that share a catalog its own name."""
    environments: dict[str, Tables] = Field(default_factory=dict)
    """What is different in an environment, by its name."""


def known_keys(*key: str | int) -> tuple[str, ...]:
    """The keys that the table at a place may have."""
    if key[:1] == ("environments",):
        return _keys_in(Tables, key[2:])
    return _keys_in(Document, key)


def _keys_in(top: type[Tables], key: tuple[str | int, ...]) -> tuple[str, ...]:
    if not key:
        return tuple(top.model_fields)
    kinds: dict[str | int, type[_Table]] = {
        "catalog": CatalogTable,
        "providers": ProviderTable,
        "secrets": SecretTable,
        "references": ReferenceTable,
        "policy": PolicyEntry if len(key) > 1 else PolicyTable,
    }
    found = kinds.get(key[0])
    return tuple(found.model_fields) if found else ()
