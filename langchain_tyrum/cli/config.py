"""`config check` and `config schema`: the settings file, before anything is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, line, say
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.broker.config import Config


def add_parser(commands: Any) -> None:
    """Add the `config` command and its own commands."""
    parser = commands.add_parser(
        "config", help="check a tyrum.toml, or print its JSON schema for an editor"
    )
    inner = parser.add_subparsers(dest="config_command", required=True, metavar="WHAT")
    check = add_command(
        inner, "check", _check, help="read a settings file; opens and changes nothing"
    )
    check.add_argument(
        "path",
        metavar="PATH",
        nargs="?",
        help="the file, or its folder (default: --config, TYRUM_CONFIG, else the "
        "nearest tyrum.toml)",
    )
    check.add_argument(
        "--environment", metavar="NAME", help="check it for this environment"
    )
    add_command(
        inner, "schema", _schema, help="print the JSON schema of tyrum.toml (2020-12)"
    )


def _check(args: argparse.Namespace) -> int:
    from langchain_tyrum.broker.config import read_config  # noqa: PLC0415 - slow

    problems: list[str] = []
    try:
        config = read_config(args.path or args.config, environment=args.environment)
    except ConfigError as error:
        problems = str(error).splitlines()
    else:
        return _fine(config, in_json=args.json)
    if args.json:
        as_json({"problems": problems})
    else:
        for problem in problems:
            say(problem)
    return 1


def _fine(config: Config, *, in_json: bool) -> int:
    from langchain_tyrum.broker.config import (  # noqa: PLC0415 - slow to import
        lacking,
        nowhere_to_put,
    )
    from langchain_tyrum.broker.config.keys import shown_name  # noqa: PLC0415
    from langchain_tyrum.broker.config.layers import (  # noqa: PLC0415
        opening_environments,
    )

    counts = {
        "providers": len(config.tables.providers),
        "secrets": len(config.tables.secrets),
        "references": len(config.tables.references),
        "policies": len(config.layers),
    }
    opening = opening_environments(config.view.document)
    warning = (
        f"[policy] has no default, so {', '.join(map(shown_name, opening))} may allow "
        'what it does not speak of: close it with default = "deny"'
    )
    warnings = [*([warning] if opening else []), *nowhere_to_put(config)]
    warnings += lacking(config, os.environ)
    if in_json:
        where = {"file": str(config.file), "environment": config.environment}
        told = {"warnings": warnings, "problems": []}
        as_json({**where, "application": config.application, **counts, **told})
        return 0
    line(f"{config.file}: no problems")
    line("environment", config.environment)
    for what, count in counts.items():
        line(what, count)
    for one in warnings:
        say(one)
    return 0


def _schema(args: argparse.Namespace) -> int:
    from langchain_tyrum.broker.config import json_schema  # noqa: PLC0415 - slow

    del args
    as_json(json_schema())
    return 0
