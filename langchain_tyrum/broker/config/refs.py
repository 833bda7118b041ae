"""What secrets are called at their providers, before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.config.keys import Key, table
from langchain_tyrum.broker.config.variables import is_waiting
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.providers import provider_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.broker.config.report import Report
    from langchain_tyrum.broker.config.stacking import View


def check_refs(view: View, report: Report) -> None:
    """Note references that are none to their provider, in one environment."""
    tables, secrets = view.tables, view.tables["secrets"]
    labels = {name: str(table(secrets, name).get("provider")) for name in secrets}
    made = {label: class_of(tables, label) for label in set(labels.values())}
    for name, label in labels.items():
        key: Key = ("secrets", name, "ref")
        ref = ref_of(tables, name, made[label])
        if ref is None or is_waiting(ref):
            continue
        if problem := getattr(made[label], "wrong_name", lambda _: "")(ref):
            report.add(view.origin(key), problem)


def ref_of(tables: Mapping[str, Any], name: str, made: Any) -> str | None:
    """What a provider is asked for; None where the broker makes that up."""
    ref = table(tables, "secrets", name).get("ref")
    if ref is None:
        return None if getattr(made, "by_handle", True) else name
    return ref if isinstance(ref, str) else None


def class_of(tables: Mapping[str, Any], label: str) -> Any:
    """What makes a provider; None where that is unknown, which is noted elsewhere."""
    kind = table(tables, "providers", label).get("kind")
    try:
        return provider_class(kind) if isinstance(kind, str) else None
    except ConfigError:
        return None
