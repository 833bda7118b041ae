"""`approvals answer`: leave an answer for a graph that waits."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.approvals_rows import fields_of, waiting_among
from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, line, say
from langchain_tyrum.cli.store import open_broker
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from langchain_tyrum.approval.answers import Decided

_DECISIONS = ("approve", "reject", "respond", "edit")


def add_answer(inner: Any) -> argparse.ArgumentParser:
    """Add the command `answer`."""
    answer = add_command(
        inner,
        "answer",
        _answer,
        help="leave an answer; the graph takes it when it runs on, e.g. at "
        "graph.invoke(None, config)",
    )
    answer.add_argument("request_id", metavar="ID", help="as `approvals list` says")
    answer.add_argument(
        "decision",
        choices=_DECISIONS,
        nargs="+",
        help="one for all of its calls, or one per call in their order",
    )
    _add_details(answer)
    return answer


def _add_details(answer: argparse.ArgumentParser) -> None:
    answer.add_argument(
        "--grant",
        choices=("once", "session", "always"),
        default="once",
        help="how far an approval reaches (default: this call); session: this thread, "
        "until the secret is rotated; always: every thread of this user, also after a "
        "rotation, until it is revoked",
    )
    answer.add_argument(
        "--ttl", type=float, metavar="SECONDS", help="how long its grant holds"
    )
    answer.add_argument(
        "--max-uses", type=int, metavar="N", help="for how many calls it counts"
    )
    answer.add_argument(
        "--message", metavar="TEXT", help="what the model is told; `respond` needs it"
    )
    answer.add_argument(
        "--edit-from",
        metavar="FILE",
        help='JSON {"name": …, "args": {…}}: the call that `edit` puts in place; - is '
        "stdin",
    )
    answer.add_argument(
        "--digest",
        metavar="HEX",
        help="answer only if this is still the digest that was shown (8 characters or "
        "more of it)",
    )


def _answer(args: argparse.Namespace) -> int:
    from langchain_tyrum.approval import (  # noqa: PLC0415 - LangGraph is slow
        AnswerRefused,
        decisions,
        leave_answer,
    )

    with open_broker(args) as broker:
        request = broker.requests.find(args.request_id)
        count = len(request.tool_call_ids) if request else 1
        given = args.decision * (count if len(args.decision) == 1 else 1)
        if request and args.checkpoints:
            _require_waiting(args.checkpoints, fields_of(request, {}))
        refused = None
        try:
            request = leave_answer(
                broker,
                args.request_id,
                decisions(*_decisions(given, args)),
                digest=args.digest,
                tenant=args.tenant,
            )
        except AnswerRefused as error:
            refused = str(error)
        if refused or request is None:
            raise ConfigError(refused or "no request has that id")
        left = fields_of(request, dict.fromkeys(request.tool_call_ids, "given"))
    if args.json:
        as_json(left)
        return 0
    line(args.request_id)
    say(
        f"left for thread {request.place.thread_id!r}: its graph takes the answer when "
        "it runs on, e.g. at graph.invoke(None, config)"
    )
    return 0


def _decisions(given: Iterable[str], args: argparse.Namespace) -> list[Decided]:
    from langchain_tyrum.approval import (  # noqa: PLC0415 - LangGraph is slow
        approve,
        edit,
        reject,
        respond,
    )

    if "respond" in given and not args.message:
        raise ConfigError("`respond` needs the words for the model: --message TEXT")
    action = _action(args.edit_from) if "edit" in given else {"name": "", "args": {}}
    problem = ""
    try:
        made: dict[str, Decided] = {
            "approve": approve(
                grant=args.grant, ttl_seconds=args.ttl, max_uses=args.max_uses
            ),
            "reject": reject(args.message),
            "respond": respond(args.message or ""),
            "edit": edit(**action),
        }
    except (ConfigError, TypeError) as error:
        problem = type(error).__name__
    if problem:
        raise ConfigError(
            "this answer cannot be made: --ttl is above 0 and at most a year, "
            "--max-uses at least 1 and needs --grant session or always, and "
            '--edit-from holds exactly {"name": …, "args": {…}}'
        )
    return [made[one] for one in given]


def _action(source: str | None) -> dict[str, Any]:
    if source is None:
        raise ConfigError("`edit` needs the call to put in place: --edit-from FILE")
    text = sys.stdin.read() if source == "-" else Path(source).expanduser().read_text()
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    raise ConfigError('--edit-from holds no JSON object {"name": …, "args": {…}}')


def _require_waiting(url: str, row: Mapping[str, Any]) -> None:
    if row["request_id"] not in waiting_among(url, [row]):
        raise ConfigError(
            "no graph with that checkpointer waits for this request: correct "
            "--checkpoints, or see `approvals list --checkpoints URL`"
        )
