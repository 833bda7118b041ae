"""The parts of a stream: on whose behalf each is made, and what is shown of it."""

from __future__ import annotations

import pytest

from langchain_tyrum.membrane.membrane import Membrane
from langchain_tyrum.membrane.steps import asteps, steps
from langchain_tyrum.membrane.streams import StreamGuard
from langchain_tyrum.state.acting import acting, acts_for

MARKER = "[REDACTED:db/password]"


@pytest.fixture
def run(broker):
    return Membrane(broker).enter({})


class TestSteps:
    """Each step is the run's, also the last; what is between them is the caller's."""

    @pytest.mark.parametrize("left", ["early", "at the end"])
    @pytest.mark.parametrize("before", [False, True])
    async def test_between_two_of_them_nobody_acts(self, run, left, before):
        """Whoever acted before acts again while the caller has a part."""
        other = Membrane(run.broker).enter({}).stored if before else None
        inside, outside = [], []

        def parts():
            try:
                for part in range(3):
                    inside.append(acts_for(run.stored))
                    yield part
            finally:
                inside.append(acts_for(run.stored))

        async def aparts():
            for part in parts():
                yield part

        with acting(other):
            made, amade = steps(parts(), run), asteps(aparts(), run)
            for part in made:
                outside.append(acts_for(other))
                if part == 1 and left == "early":
                    break
            made.close()
            outside.append(acts_for(other))
            async for part in amade:
                outside.append(acts_for(other))
                if part == 1 and left == "early":
                    break
            await amade.aclose()

        count = 2 if left == "early" else 3
        assert [True] * (2 * count + 2) == inside
        assert [True] * (2 * count + 1) == outside


class TestShown:
    @pytest.mark.parametrize("mode", ["values", "updates", "custom", "tasks"])
    @pytest.mark.parametrize("version", ["v1", "v2"])
    @pytest.mark.parametrize("asked", [str, list])
    def test_no_part_holds_a_value(self, run, value, mode, version, asked):
        """In each mode and shape, also where a state was stored raw before."""
        guard = StreamGuard(
            run,
            stream_mode=mode if asked is str else [mode],
            print_mode=(),
            subgraphs=False,
            version=version,
        )
        data = {"text": f"say {value}"}
        part = (mode, data)
        if version == "v2":
            part = {"type": mode, "ns": (), "data": data}

        clean = {"text": f"say {MARKER}"}
        shape = {"v2": {"type": mode, "ns": (), "data": clean}}.get(version)
        v1 = clean if asked is str else (mode, clean)
        assert [shape or v1] == list(guard.parts(part))
        assert [] == list(guard.rest())
        assert f"say {value}" == data["text"]
