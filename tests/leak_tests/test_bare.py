"""The same rows without a guard: each one leaks, so each one can fail."""

from __future__ import annotations

import asyncio

import pytest

from langchain_tyrum.testing.leaks.canaries import KINDS
from langchain_tyrum.testing.leaks.sources import all_sources
from langchain_tyrum.testing.leaks.trying import atry_source, try_source
from langchain_tyrum.testing.leaks.ways import WAYS


class TestUnprotected:
    @pytest.mark.parametrize(
        "source", all_sources(), ids=lambda s: f"{s.area}-{s.name}"
    )
    def test_every_source_leaks(self, source, bare_lab):
        """Without `protect` the reader finds the values of the row."""
        way = WAYS[source.ways[0] if source.ways else "stream"]
        if way.is_async:
            trial = asyncio.run(atry_source(bare_lab, source, way))
        else:
            trial = try_source(bare_lab, source, way)

        found = {leak.canary.rpartition("/")[2] for leak in trial.leaks}
        assert len(found) >= len(KINDS) - 4
