"""`reference show`, `add` and `list`: how code, settings and models name a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.finding import find
from langchain_tyrum.cli.parsing import add_command, whose_options
from langchain_tyrum.cli.printing import as_json, line, say, table
from langchain_tyrum.cli.store import open_broker

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.handles import SecretReference


def add_parser(commands: Any) -> None:
    """Add the `reference` command and its own commands."""
    parser = commands.add_parser(
        "reference", help="what to write in the place of a secret; who may name it"
    )
    inner = parser.add_subparsers(
        dest="reference_command", required=True, metavar="WHAT"
    )
    whose = whose_options()
    show = add_command(
        inner,
        "show",
        _show,
        help="print what to write for a secret in code, settings and environments",
        parents=[whose],
    )
    add = add_command(
        inner, "add", _add, help="let models name a secret, for tools", parents=[whose]
    )
    for command in (show, add):
        command.add_argument("name", metavar="NAME", help="its name or tyrum://h_…")
        command.add_argument("--environment", help="the environment it is stored for")
    add.add_argument("--alias", required=True, help="what models call it")
    add.add_argument(
        "--tool",
        action="append",
        required=True,
        help="a tool that may take it; repeat",
    )
    add.add_argument("--display-name", help="what people are shown")
    shown = add_command(
        inner, "list", _list, help="list what models may name", parents=[whose]
    )
    shown.add_argument("--tool", help="only what this tool may take")


def _show(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        record = find(broker, args)
        aliases = [
            str(reference)
            for reference in _references(broker, args)
            if _name_of(broker, args, reference) == record.name
        ]
    ways = {
        "handle": str(record),
        "code": f'@secret_tool(broker, PARAMETER="{record.name}")',
        "settings": f'[secrets."{record.name}"]',
        "environment": f"VARIABLE={record}",
        "models": ", ".join(aliases),
    }
    if args.json:
        as_json({**ways, "models": aliases})
        return 0
    table(ways.items())
    say("none of them opens anything by itself: policy and owner are checked at a call")
    return 0


def _add(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        record = find(broker, args)
        reference = broker.reference(
            record,
            alias=args.alias,
            tools=args.tool,
            display_name=args.display_name,
            tenant=args.tenant,
            owner=args.owner,
        )
    if args.json:
        as_json(reference.model_dump(mode="json"))
        return 0
    line(reference)
    say(f"{', '.join(args.tool)} may take {record.name} when a model names it so")
    return 0


def _list(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        found = [
            (reference, _name_of(broker, args, reference))
            for reference in _references(broker, args)
        ]
    if args.json:
        as_json(
            [{**one.model_dump(mode="json"), "secret": name} for one, name in found]
        )
        return 0
    table(
        (one, name, ", ".join(one.allowed_tool_ids), one.display_name)
        for one, name in found
    )
    if not found:
        say("models may name nothing here: `reference add NAME --alias … --tool …`")
    return 0


def _references(
    broker: SecretBroker, args: argparse.Namespace
) -> list[SecretReference]:
    tool = getattr(args, "tool", None)
    return broker.references(tool, tenant=args.tenant, owner=args.owner)


def _name_of(
    broker: SecretBroker, args: argparse.Namespace, reference: SecretReference
) -> str:
    """What the secret is called that a reference stands for."""
    return broker.resolve_reference(
        reference.secret_ref_id,
        tool_id=reference.allowed_tool_ids[0],
        tenant=args.tenant,
        owner=args.owner,
    ).name
