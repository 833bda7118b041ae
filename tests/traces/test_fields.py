"""The fields and transports that an agent's run does not reach by itself."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import uuid

import langsmith
import pytest
from langsmith import AsyncClient, RunTree, run_trees, traceable
from langsmith.schemas import Attachment

from langchain_tyrum.traces import guard_client, install_tracing
from langchain_tyrum.traces.payload import WITHHELD, clean_run


@pytest.fixture
def story(kit):
    """A `@traceable` call with canaries in every field it can set."""

    def options(**more):
        return {
            "name": f"call {kit.canary('name')}",
            "metadata": {"note": kit.canary("metadata"), kit.canary("key"): 1},
            "tags": [kit.canary("tag")],
            **more,
        }

    def body(text, blob, attached):
        tree = langsmith.get_current_run_tree()
        tree.add_event({"name": "note", "message": kit.canary("option")})
        return {
            "said": kit.canary("output"),
            "shape": kit.SHAPE,
            "bytes": b"see " + kit.SHAPE.encode(),
            "blob": blob,
        }

    def given():
        return (
            kit.canary("input"),
            kit.canary("binary").encode(),
            Attachment(mime_type="text/plain", data=kit.canary("system").encode()),
        )

    return options, body, given


FIELDS = ("name", "metadata", "key", "tag", "option", "output", "input", "binary")


def _assert_story(sink, kit, run_id):
    assert [] == [f for f in kit.FIELDS if sink.holds(kit.canary(f))]
    assert not sink.holds(kit.SHAPE)
    assert [] == [f for f in FIELDS if not sink.holds(f"[REDACTED:c/{f}]")]
    assert [str(run_id)] == list(sink.runs())


TRANSPORTS = {
    "default": {},
    "plain": {"auto_batch_tracing": False},
    "buffered": {
        "process_buffered_run_ops": lambda runs: runs,
        "run_ops_buffer_size": 1,
    },
    "anonymizer": {"anonymizer": lambda data: data},
}


class TestTraceable:
    @pytest.mark.parametrize("transport", TRANSPORTS)
    @pytest.mark.usefixtures("langsmith_env")
    def test_sync(self, transport, sink, redactor, make_client, kit, story):
        """`@traceable` sends markers in every field, over every transport."""
        options, body, given = story
        client = make_client(**TRANSPORTS[transport])
        run_id = uuid.uuid4()
        call = traceable(**options(client=client))(body)

        with install_tracing(redactor):
            result = call(*given(), langsmith_extra={"run_id": run_id})
        client.flush()

        assert kit.canary("output") == result["said"]
        _assert_story(sink, kit, run_id)

    @pytest.mark.usefixtures("langsmith_env")
    async def test_async(self, sink, redactor, make_client, kit, story):
        """The same holds for an async function."""
        options, body, given = story
        client = make_client()
        run_id = uuid.uuid4()

        @traceable(**options(client=client))
        async def call(text, blob, attached):
            return body(text, blob, attached)

        with install_tracing(redactor):
            await call(*given(), langsmith_extra={"run_id": run_id})
        client.flush()

        _assert_story(sink, kit, run_id)

    @pytest.mark.usefixtures("langsmith_env")
    def test_without_multipart(self, sink, redactor, make_client, kit, story):
        """A server that takes batches only gets no value either."""
        options, body, given = story
        sink.multipart = False
        client = make_client()
        run_id = uuid.uuid4()
        call = traceable(**options(client=client))(body)

        with install_tracing(redactor):
            call(given()[0], given()[1], None, langsmith_extra={"run_id": run_id})
        client.flush()

        _assert_story(sink, kit, run_id)

    @pytest.mark.usefixtures("langsmith_env")
    def test_uncompressed(self, sink, redactor, make_client, monkeypatch, kit, story):
        """Multipart without compression carries no value either."""
        monkeypatch.setenv("LANGSMITH_DISABLE_RUN_COMPRESSION", "true")
        langsmith.utils.get_env_var.cache_clear()
        options, body, given = story
        client = make_client()
        run_id = uuid.uuid4()
        call = traceable(**options(client=client))(body)

        with install_tracing(redactor):
            call(*given(), langsmith_extra={"run_id": run_id})
        client.flush()

        _assert_story(sink, kit, run_id)
        assert sink.holds("[REDACTED:c/system]")

    @pytest.mark.usefixtures("langsmith_env")
    def test_a_buffer_that_is_sent_after_the_uninstall(
        self, sink, redactor, make_client, kit, story
    ):
        """Runs that wait in a client's buffer were redacted as they went in."""
        options, body, given = story
        client = make_client(**{**TRANSPORTS["buffered"], "run_ops_buffer_size": 99})
        run_id = uuid.uuid4()
        call = traceable(**options(client=client))(body)

        with install_tracing(redactor):
            call(*given(), langsmith_extra={"run_id": run_id})
        waiting = len(client._run_ops_buffer)
        client.flush()

        assert 2 == waiting
        _assert_story(sink, kit, run_id)

    @pytest.mark.usefixtures("langsmith_env")
    def test_attachment_arrives_redacted(self, sink, redactor, make_client, kit, story):
        """An attachment keeps its name and type; its bytes are redacted."""
        options, body, given = story
        client = make_client()
        call = traceable(**options(client=client))(body)

        with install_tracing(redactor):
            call(*given())
        client.flush()

        attached = [data for name, data in sink.parts() if "attachment." in name]
        assert [b"[REDACTED:c/system]"] == attached

    @pytest.mark.usefixtures("langsmith_env")
    def test_the_reader_finds_a_leak(self, sink, make_client, kit, story):
        """Without a guard every one of these fields is found."""
        options, body, given = story
        client = make_client()
        traceable(**options(client=client))(body)(*given())
        client.flush()

        assert [] == [f for f in FIELDS if not sink.holds(kit.canary(f))]


class TestClient:
    def test_feedback(self, sink, redactor, make_client, kit):
        """Feedback is redacted however it is sent, and keeps its ids."""
        client = guard_client(make_client(), redactor)
        run_id, feedback_id = uuid.uuid4(), uuid.uuid4()
        where = {"run_id": run_id, "session_id": uuid.uuid4()}

        client.create_feedback(
            key="k",
            comment=f"see {kit.canary('input')}",
            value={"v": kit.canary("output")},
            source_info={"s": kit.canary("metadata")},
            feedback_id=feedback_id,
            **where,
        )
        client.create_feedback(
            key="k", comment=kit.canary("tag"), trace_id=run_id, **where
        )
        client.update_feedback(feedback_id, comment=kit.canary("name"))
        client.create_feedback_from_token(
            f"{sink.url}/feedback/tokens/{uuid.uuid4()}", comment=kit.canary("option")
        )
        client.flush()

        assert [] == [f for f in kit.FIELDS if sink.holds(kit.canary(f))]
        for field in ("input", "output", "metadata", "tag", "name", "option"):
            assert sink.holds(f"[REDACTED:c/{field}]")
        assert sink.holds(str(run_id))
        assert sink.holds(str(feedback_id))

    def test_a_score_that_is_a_value(self, sink, redactor, make_client):
        """It is left out: a score is a number or nothing."""
        redactor.register("pin", "955871794576607")
        client = guard_client(make_client(), redactor)
        where = {"run_id": uuid.uuid4(), "session_id": uuid.uuid4()}

        client.create_feedback(
            key="k", score=955871794576607, value={"n": 955871794576607}, **where
        )
        client.create_feedback(key="k", score=0.75, comment="plain", **where)
        client.flush()

        assert not sink.holds("955871794576607")
        assert sink.holds("[REDACTED:pin]")
        assert sink.holds("0.75")

    def test_ingest(self, sink, redactor, make_client, kit):
        """Runs handed over in bulk are redacted, and the given dicts stay."""
        client = guard_client(make_client(), redactor)
        run_id = uuid.uuid4()
        run = {
            "id": run_id,
            "trace_id": run_id,
            "dotted_order": f"20240101T000000000000Z{run_id}",
            "name": kit.canary("name"),
            "run_type": "chain",
            "inputs": {"a": kit.canary("input")},
            "extra": {"metadata": {"m": kit.canary("metadata")}},
            "session_name": "tests",
        }

        client.multipart_ingest(create=[run])
        client.batch_ingest_runs(create=[{**run}])
        client.flush()

        assert [] == [f for f in kit.FIELDS if sink.holds(kit.canary(f))]
        assert {"a": kit.canary("input")} == run["inputs"]
        assert kit.canary("metadata") == run["extra"]["metadata"]["m"]
        assert "[REDACTED:c/input]" == sink.runs()[str(run_id)]["inputs"]["a"]

    async def test_async_client(self, sink, redactor, kit):
        """An `AsyncClient` is guarded in place too."""
        run_id = uuid.uuid4()
        client = AsyncClient(api_url=sink.url, api_key="k")
        async with guard_client(client, redactor):
            await client.create_run(
                kit.canary("name"),
                {"a": kit.canary("input")},
                "chain",
                id=run_id,
                project_name="tests",
            )
            await client.update_run(run_id, outputs={"b": kit.canary("output")})

        assert [] == [f for f in kit.FIELDS if sink.holds(kit.canary(f))]
        assert sink.holds("[REDACTED:c/output]")
        assert [str(run_id)] == list(sink.runs())

    def test_headers_of_a_distributed_trace(self, redactor, make_client, kit):
        """Metadata and tags that travel in the baggage header are redacted."""
        tree = RunTree(
            name="n",
            ls_client=make_client(),
            extra={"metadata": {"m": kit.canary("metadata"), "kept": "yes"}},
            tags=[kit.canary("tag"), "kept"],
            project_name="tests",
        )

        with install_tracing(redactor):
            headers = tree.to_headers()
        read = run_trees._Baggage.from_header(headers["baggage"])

        assert {"m": "[REDACTED:c/metadata]", "kept": "yes"} == read.metadata
        assert ["[REDACTED:c/tag]", "kept"] == read.tags
        assert tree.dotted_order == headers["langsmith-trace"]

    @pytest.mark.usefixtures("langsmith_env")
    def test_a_replica_with_a_client_of_its_own(self, sink, redactor, make_client, kit):
        """Each replica gets its run, and none gets a value."""
        first, second = make_client(), make_client()
        tree = RunTree(
            name="n",
            inputs={"a": kit.canary("input")},
            ls_client=first,
            replicas=[
                {"client": first, "project_name": "one"},
                {"client": second, "project_name": f"two {kit.canary('name')}"},
            ],
        )

        with install_tracing(redactor):
            tree.post()
            tree.end(outputs={"b": kit.canary("output")})
            tree.patch()
        first.flush()
        second.flush()

        assert [] == [f for f in kit.FIELDS if sink.holds(kit.canary(f))]
        names = {run["session_name"] for run in sink.runs().values()}
        assert {"one", "two [REDACTED:c/name]"} == names


class _Broken:
    """A redactor whose every road ends in an error that holds the value."""

    generation = 0

    def __init__(self, value):
        self.value = value

    def redact_text(self, text):
        if self.value in text:
            raise RuntimeError(f"cannot redact {text}")
        return text

    def _fail(self, obj):
        raise RuntimeError(f"cannot redact {obj}")

    redact = redact_bytes = contains = _fail


class TestFailure:
    def test_payload_is_withheld(self, sink, make_client, kit, caplog):
        """A run that cannot be redacted arrives without payload, never raw."""
        client = guard_client(make_client(), _Broken(kit.canary("input")))
        run_id = uuid.uuid4()
        tree = RunTree(
            id=run_id,
            name=f"name {kit.canary('input')}",
            inputs={"a": kit.canary("input")},
            tags=[kit.canary("input")],
            ls_client=client,
            project_name="tests",
        )

        tree.post()
        tree.end(outputs={"b": kit.canary("input")}, error=kit.canary("input"))
        tree.patch()
        client.flush()

        run = sink.runs()[str(run_id)]
        assert not sink.holds(kit.canary("input"))
        assert {"withheld": WITHHELD} == run["inputs"]
        assert {"withheld": WITHHELD} == run["outputs"]
        assert (WITHHELD, [WITHHELD]) == (run["name"], run["tags"])
        assert tree.dotted_order == run["dotted_order"]
        assert kit.canary("input") not in caplog.text

    def test_request_is_withheld(self, sink, make_client, kit):
        """A request outside a run that cannot be redacted is not sent."""
        client = guard_client(make_client(), _Broken(kit.canary("input")))

        with pytest.raises(RuntimeError, match="withheld") as caught:
            client.update_feedback(uuid.uuid4(), comment=kit.canary("input"))

        assert not sink.holds(kit.canary("input"))
        assert (None, None) == (caught.value.__context__, caught.value.__cause__)


class TestOtherRequests:
    def test_examples(self, sink, redactor, make_client, kit):
        """Examples and projects are redacted too, as JSON and as multipart."""
        client = guard_client(make_client(), redactor)
        dataset = uuid.uuid4()

        # The sink's answers are not the ones these methods read.
        with contextlib.suppress(Exception):
            client.create_project("p", metadata={"m": kit.canary("metadata")})
        with contextlib.suppress(Exception):
            client.create_examples(
                dataset_id=dataset,
                examples=[{"inputs": {"a": kit.canary("input")}}],
            )

        assert [] == [f for f in kit.FIELDS if sink.holds(kit.canary(f))]
        assert sink.holds("[REDACTED:c/metadata]")
        assert sink.holds("[REDACTED:c/input]")


class TestTimes:
    @pytest.mark.parametrize(
        "run",
        [
            {"start_time": "{}"},
            {"end_time": "2024-01-02T03:04:05+00:00 {}"},
            {"events": [{"name": "start", "time": "{}"}]},
            {"events": [{"name": "{}", "time": "2024-01-02T03:04:05Z"}]},
            {"events": [{"name": "end", "time": "2024-01-02T03:04:05Z", "{}": 1}]},
        ],
    )
    def test_only_times_pass_as_times(self, run, redactor, kit):
        """What stands where a time stands is looked at unless it is a time."""
        raw = json.loads(json.dumps(run).replace("{}", kit.canary("input")))

        clean = clean_run(raw, redactor, fragments=False)

        assert json.dumps(run).replace("{}", "[REDACTED:c/input]") == json.dumps(clean)

    def test_times_are_the_same(self, redactor):
        """Times, and events that hold no more than times, stay what they are."""
        events = [
            {"name": "start", "time": "2024-01-02T03:04:05.678901+00:00"},
            {"name": "end", "time": dt.datetime(2024, 1, 2, tzinfo=dt.UTC)},
        ]
        run = {"start_time": "2024-01-02T03:04:05", "events": events}

        clean = clean_run(run, redactor, fragments=False)

        assert run == clean
        assert events is clean["events"]


class TestOwnRedaction:
    """What the owner of a client redacts with comes after the guard."""

    @pytest.mark.parametrize(
        "names",
        [("anonymizer",), ("hide_inputs", "hide_outputs", "hide_metadata")],
        ids=["anonymizer", "hide"],
    )
    @pytest.mark.usefixtures("langsmith_env")
    def test_it_sees_no_value(self, names, sink, redactor, make_client, kit):
        """Functions given to the client get redacted inputs, outputs, metadata."""
        seen = []
        note = lambda data: (seen.append(str(data)), data)[1]  # noqa: E731
        client = make_client(**dict.fromkeys(names, note))

        @traceable(client=client, metadata={"k": kit.canary("metadata")})
        def call(text):
            if text != kit.canary("input"):
                raise AssertionError(text)
            return {"said": kit.canary("output")}

        with install_tracing(redactor):
            call(kit.canary("input"))
            with pytest.raises(AssertionError):
                call(f"other {kit.canary('input')}")
        client.flush()

        assert [] == [f for f in kit.FIELDS if kit.canary(f) in str(seen)]
        for field in ("input", "output", "metadata"):
            assert f"[REDACTED:c/{field}]" in str(seen)
        assert not sink.holds(kit.canary("input"))
