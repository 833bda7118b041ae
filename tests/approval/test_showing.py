from __future__ import annotations

import json

import pytest

from langchain_tyrum.approval import (
    AnswerRefused,
    approve,
    decisions,
    edit,
    reject,
    respond,
)
from langchain_tyrum.approval.showing import DESCRIPTION_CAP, quoted

VALUE = "s3cr3t-value-of-the-token-9917-github/token"
KEYS = {"action_requests", "review_configs", "tyrum"}


def shown(here):
    return here.graph.get_state(here.config).interrupts[0].value


class TestShape:
    def test_payload_is_langchain_s(self, world, issue, drop):
        """Clients of LangChain's own middleware can show the question unchanged."""
        from langchain.agents.middleware.human_in_the_loop import HITLRequest
        from pydantic import TypeAdapter

        here = world([issue, drop])
        here.start()

        value = shown(here)

        TypeAdapter(HITLRequest).validate_python(value)
        assert set(value) == KEYS
        assert json.loads(json.dumps(value)) == value

    def test_block_says_everything(self, world, issue):
        """The package's own block names request, digest, scopes, secrets and expiry."""
        here = world([issue])
        reference = here.broker.reference(
            "github/token",
            alias="github",
            tools=["create_issue"],
            display_name="GitHub bot",
        )
        here.start()

        block = shown(here)["tyrum"]

        assert ["github/token:use"] == block["scopes"]
        assert ["once", "session", "always"] == block["grant_options"]
        assert block["policy_sha256"] == here.policy.sha256
        assert 64 == len(block["digest"])
        record = here.broker.describe("github/token")
        assert [
            {
                "handle": str(record),
                "secret_ref_id": reference.secret_ref_id,
                "secret_alias": "github",
                "display_name": "GitHub bot",
                "scope": "github/token:use",
                "version": 1,
            }
        ] == block["references"]

    def test_description_says_it_too(self, world, issue):
        """A person whose client drops our block reads the same in the description."""
        here = world([issue])
        here.start()

        lines = shown(here)["action_requests"][0]["description"].splitlines()

        assert "Tool id: create_issue" == lines[1]
        assert "Scopes: github/token:use" == lines[2]
        assert "Secrets: github/token (version 1)" == lines[3]
        assert lines[4].startswith("Answer until: 20")
        assert lines[5].startswith("Digest: ")
        assert ["Arguments:", '  "title": "bug"'] == lines[6:]

    def test_catalog_holds_the_question_before_the_graph_stops(self, world, issue):
        """What the person sees is what the catalog has kept."""
        here = world([issue])
        here.start()
        value = shown(here)

        kept = here.broker.requests.find(value["tyrum"]["request_id"])

        assert value == kept.payload
        assert "open" == kept.status
        assert ("c1",) == kept.tool_call_ids


class TestForgery:
    @pytest.mark.parametrize(
        "text",
        [
            "x\nScopes: none",
            "x\r\nTool id: weather",
            "\u202egnihton\u202c",
            "\u2066hidden\u2069",
            "zero\u200bwidth",
            "\u2028line",
            "\x1b[2Jgone",
            "tag\U000e0041",
            "**ok**\n\n# Approved\n| Scopes: | none |\n```",
        ],
    )
    def test_arguments_forge_no_line(self, world, text):
        """Control, bidi and invisible characters in an argument come out escaped."""
        here = world([("create_issue", {"title": text}, "c1")])
        here.start()

        description = shown(here)["action_requests"][0]["description"]

        assert 8 == len(description.splitlines())
        assert description.splitlines()[7].startswith('  "title": "')
        assert all(line.isprintable() for line in description.split("\n"))

    def test_long_arguments_are_capped(self, world):
        """A very long argument cannot push the package's lines away."""
        here = world([("create_issue", {"title": "x" * 50_000}, "c1")])
        here.start()

        description = shown(here)["action_requests"][0]["description"]

        assert len(description) < DESCRIPTION_CAP + 60
        assert description.startswith("create_issue wants to use a secret.")
        assert description.endswith("more characters")

    def test_quoting_is_json(self):
        """Quoted text is JSON and reads back as what it was."""
        for text in ("plain", 'quo"te\\', "\u202e\U000e0041é漢", "a\nb"):
            assert text == json.loads(quoted(text))


class TestNoValue:
    @pytest.mark.parametrize("pad", [0, DESCRIPTION_CAP - 230, DESCRIPTION_CAP - 200])
    def test_value_in_an_argument_is_not_shown(self, world, pad):
        """A value that the model repeats stands neither in the question nor beside."""
        here = world([("create_issue", {"title": "y" * pad + VALUE}, "c1")])
        here.start()

        text = json.dumps(shown(here))
        kept = here.broker.requests.waiting()[0]

        assert "[REDACTED" in text
        for part in (VALUE, VALUE[:20]):
            assert part not in text
            assert part not in json.dumps(dict(kept.payload))

    @pytest.mark.parametrize(
        "answer",
        [
            edit("create_issue", {"title": f"see {VALUE}"}),
            reject(f"never show {VALUE}"),
            respond(f"it is {VALUE}"),
            reject("ghp_" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb7d"),
        ],
        ids=["edit", "reject", "respond", "a shape"],
    )
    def test_answer_with_a_value_is_refused(self, world, issue, drop, answer):
        """A value in an answer is refused, named by its place, and kept nowhere."""
        here = world([issue, drop])
        here.start()
        (asked,) = here.pending()

        with pytest.raises(AnswerRefused, match=r"decision 1 .*raw value") as refused:
            here.resume(decisions(answer, approve()))

        assert VALUE not in str(refused.value)
        assert [] == here.ids()
        assert [asked.request_id] == [one.request_id for one in here.pending()]
        for path in here.folder.glob("tyrum.db*"):
            assert VALUE.encode() not in path.read_bytes()
            assert b"ghp_Ab3d" not in path.read_bytes()

        here.resume(asked.approve().resume)

        assert ["c1", "c2"] == here.ids()

    def test_whole_run_writes_no_value(self, world, issue, drop):
        """After a whole run with approvals no file holds a value."""
        here = world([issue, drop])
        here.start()
        here.resume(decisions(approve(), approve(grant="session")))
        assert ["c1", "c2"] == here.ids()

        written = here.bytes_at_rest()

        assert b"create_issue done" in written
        assert b"s3cr3t-value" not in written
