"""A hash in the ledger can be explained years later."""

from __future__ import annotations

import hashlib
import json

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.policy import SecretPolicy

DEPLOYMENT = SecretPolicy(default="require_approval", allow=["weather:*"])
RUN = SecretPolicy(deny=["prod:*"])


def sha256(plain) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class TestSnapshots:
    @pytest.mark.parametrize("policy", [None, DEPLOYMENT, [DEPLOYMENT, RUN]])
    def test_the_hash_of_a_row_leads_to_its_policy(self, policy, canary):
        """What stands under the hash is the canonical form, and has that hash."""
        with SecretBroker.in_memory({"k": canary()}, policy=policy) as broker:
            decided = broker.decide("t", ["k"]).policy_sha256

            found = broker.policy_snapshot(decided)

            assert decided == sha256(found)

    def test_a_stack_names_its_layers(self, canary):
        """Each layer of a stack is kept under its own hash."""
        with SecretBroker.in_memory({"k": canary()}, policy=[DEPLOYMENT, RUN]) as b:
            hashes = b.policy_snapshot(b.decide("t", ["k"]).policy_sha256)

            assert [DEPLOYMENT.sha256, RUN.sha256] == hashes
            assert [
                ["require_approval", ["weather:*"]],
                [None, ["prod:*"]],
            ] == [
                [default, [rule["scope"] for rules in lists.values() for rule in rules]]
                for default, lists in (
                    (d, {k: list(map(json.loads, v)) for k, v in entries.items()})
                    for d, entries in map(b.policy_snapshot, hashes)
                )
            ]

    def test_grants_rows_and_decisions_carry_one_hash(self, canary):
        """Decision, grant and ledger rows of one use name the same policy."""
        call = CallIdentity(thread_id="t1")
        with SecretBroker.in_memory({"k": canary()}) as broker:
            grant = broker.grant(mode="session", tool_id="t", scopes=["k"], call=call)
            with broker.lease("k", tool_id="t", call=call):
                pass
            decided = broker.decide("t", ["k"], call=call).policy_sha256

            assert decided == grant.policy_sha256
            assert {decided} == {
                row["policy_sha256"]
                for row in broker.audit.tail()
                if row["action"] not in ("put", "arm")
            }

    def test_what_never_decided_is_unknown(self, memory_broker):
        """A hash from nowhere leads to nothing."""
        assert memory_broker().policy_snapshot("0" * 64) is None

    def test_opening_again_writes_nothing(self, tmp_path, canary):
        """A policy is kept once, however often the store is opened."""
        for _ in range(3):
            with SecretBroker.local(tmp_path / "t.db", policy=DEPLOYMENT) as broker:
                kept = broker.policy_snapshot(DEPLOYMENT.sha256)

        assert kept is not None
