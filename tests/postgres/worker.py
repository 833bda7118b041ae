"""A process of its own that does what its orders say, all at the given moment.

Run by the `crew` fixture: one JSON order a line on stdin, one JSON answer on stdout.
"""

from __future__ import annotations

import base64
import json
import sys
import time

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import TyrumError
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider

CALL = CallIdentity(thread_id="th", user="ada")


class Worker:
    """The orders: each method answers with plain data."""

    broker: SecretBroker
    provider: DatabaseProvider

    def open(self, url, key, allow=("*",), require_approval=()):
        self.close()
        master = base64.b64decode(key)
        self.provider = DatabaseProvider(url, key=master)
        self.broker = SecretBroker(
            providers=[self.provider],
            catalog=url,
            key=master,
            policy=SecretPolicy(allow=allow, require_approval=require_approval),
        )
        return self.broker.audit.ledger_id

    def close(self):
        if hasattr(self, "broker"):
            self.provider.close()
            self.broker.close()

    def put(self, name, value, **options):
        return str(self.broker.put(name, value, **options))

    def rotate(self, name, value, **options):
        return self.broker.rotate(name, value, **options).version

    def revoke(self, name):
        return self.broker.revoke(name).version

    def reauthorize(self, name, value):
        return self.broker.reauthorize(name, value).version

    def lease(self, name, digest=None, times=1):
        values = []
        for _ in range(times):
            with self.broker.lease(name, tool_id="t", call=CALL, digest=digest) as one:
                values.append(one.reveal())
        return values

    def note(self, times):
        for _ in range(times):
            self.broker.record("note", "ok")

    def store(self, name, value):
        self.provider.put(name, value)

    def ask(self, calls):
        from datetime import timedelta

        from langchain_tyrum.ledger.requests import Draft, Place

        opened = self.broker.requests.open(
            Draft(
                place=Place("default", "ada", "th", "approve:1", "task-1"),
                tool_call_ids=tuple(calls),
                digest_of=lambda request_id: f"d/{request_id}",
                payload_of=lambda *_: {},
                policy_sha256="p" * 64,
                lifetime=timedelta(seconds=600),
            )
        )
        return [opened.request.request_id, opened.created]


def main() -> None:
    worker = Worker()
    for line in sys.stdin:
        order = json.loads(line)
        start, do = order.pop("start"), order.pop("do")
        while time.monotonic() < start:
            time.sleep(0.0002)
        try:
            answer = {"ok": getattr(worker, do)(**order)}
        except TyrumError as error:
            answer = {"error": type(error).__name__, "text": str(error)}
        except Exception as error:
            answer = {"error": f"untyped {type(error).__name__}", "text": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
