"""The variables of whole tables, and the credentials that come with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.config.credentials import (
    is_credential,
    password_of,
    refuse_query_password,
)
from langchain_tyrum.broker.config.keys import Key, leaves, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tyrum.broker.config.report import Report
    from langchain_tyrum.broker.config.variables import Variables


def fill(
    tree: Any,
    variables: Variables,
    report: Report,
    origin: Callable[[Key], Key] = lambda key: key,
    key: Key = (),
) -> Any:
    """Put values in place of variables in every string below.

    Args:
        tree: Tables, lists and values.
        variables: The environment.
        report: Where it is noted that a variable is not set.
        origin: From the key here to the key in the file.
        key: Where `tree` stands.
    """
    if isinstance(tree, dict):
        return {
            name: fill(value, variables, report, origin, (*key, name))
            for name, value in tree.items()
        }
    if isinstance(tree, list):
        return [
            fill(value, variables, report, origin, (*key, place))
            for place, value in enumerate(tree)
        ]
    if not isinstance(tree, str):
        return tree
    filled = variables.fill(tree, lambda what: report.add(origin(key), what))
    refuse_query_password(origin(key), filled, report)
    return filled


def credentials_in(tables: Mapping[str, Any]) -> dict[str, str]:
    """What logs in to the catalog and to providers, by a name for its marker.

    Args:
        tables: Filled tables of a file that holds no literal credential.
    """
    found: dict[str, str] = {}
    for key, value in leaves(table(tables, "catalog"), ("catalog",)):
        if isinstance(value, str) and (password := password_of(value)):
            found["/".join(map(str, key))] = password
    for key, value in leaves(table(tables, "providers")):
        name = "/".join(map(str, key))
        if not isinstance(value, str) or not value:
            continue
        if len(key) == 2 and is_credential(str(key[1])):
            found[name] = value
        elif password := password_of(value):
            found[name] = password
    return found
