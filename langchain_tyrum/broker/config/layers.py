"""The policies of a file: the one at the top, then the environment's below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.config.credentials import refuse_shapes
from langchain_tyrum.broker.config.discovery import FILE
from langchain_tyrum.broker.config.filling import fill
from langchain_tyrum.broker.config.keys import Key, table
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.policy import SecretPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.broker.config.report import Report
    from langchain_tyrum.broker.config.variables import Variables


def read_layers(
    document: Mapping[str, Any],
    environment: str | None,
    variables: Variables,
    report: Report,
) -> tuple[SecretPolicy, ...]:
    """Read the policies that hold in an environment, the outermost first.

    Args:
        document: The whole file.
        environment: The environment.
        variables: What fills `${NAME}`.
        report: Where problems go.
    """
    places: list[tuple[str, Key]] = [(FILE, ("policy",))]
    if environment is not None:
        own: Key = ("environments", environment, "policy")
        places.append((f"environment {environment}", own))
    found = [_layer(document, name, key, variables, report) for name, key in places]
    return tuple(layer for layer in found if layer is not None)


def opening_environments(document: Mapping[str, Any]) -> list[str]:
    """The environments that allow what the top of the file, by silence, denies.

    That is by the truth table: a layer with lists and no default abstains. Whoever
    reads "one more layer" may not expect it.
    """
    top = table(document, "policy")
    if not top or "default" in top:
        return []
    below = {
        name: table(document, "environments", name, "policy")
        for name in table(document, "environments")
    }
    return [
        name
        for name, own in below.items()
        if own.get("allow") or own.get("default") == "allow"
    ]


def _layer(
    document: Mapping[str, Any],
    name: str,
    key: Key,
    variables: Variables,
    report: Report,
) -> SecretPolicy | None:
    def origin(inner: Key) -> Key:
        return (*key, *inner)

    raw = table(document, *key)
    if not raw:
        return None
    filled = fill(raw, variables, report, origin)
    refuse_shapes(
        filled,
        report,
        origin,
        mend="policies are recorded; write a pattern over scopes",
    )
    try:
        return SecretPolicy.from_table(filled, name=name)
    except (ConfigError, TypeError) as error:
        problem = str(error) if isinstance(error, ConfigError) else "is malformed"
    if not report.has_below(key):
        report.add(key, problem)
    return None
