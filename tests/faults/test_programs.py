"""Random programs of tasks, blocks, cancels, upserts and generators keep what they promise.

A few seconds of them; ATLAS_PROGRAMS=1000 runs so many new ones on each database.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from databases import url_of
from hypothesis import HealthCheck, given, settings
from piccolo.engine.base import Engine
from programs import Runner, Tasks, programs

from atlas import Tag, create_client

#: With all mechanisms for speed, and without each.
WAYS: list[dict[str, Any]] = [{}, {"inline_reads": 0}, {"shared_commits": 1}]


@pytest.mark.filterwarnings("ignore:A generator was left inside:ResourceWarning")
@pytest.mark.parametrize("options", WAYS, ids=lambda options: " ".join(options) or "all")
def test_a_program_leaves_what_it_was_told(
    module_database: Engine[Any], options: dict[str, Any]
) -> None:
    """What was acknowledged is stored, what was undone is not, and nothing is in part or leaks."""
    if options and module_database.engine_type != "sqlite":
        pytest.skip("these options are SQLite's")

    wanted = int(os.environ.get("ATLAS_PROGRAMS", "60"))

    @settings(
        max_examples=wanted,
        deadline=None,
        derandomize=wanted == 60,  # scripts/soak looks for new ones
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(programs)
    def keeps_its_promises(program: Tasks) -> None:
        async def main() -> list[str]:
            client = create_client(url_of(module_database), acquire_timeout_ms=3000, **options)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Tag._meta, "_db", client.engine)
                async with client as db:
                    return await Runner(db).run(program)

        assert asyncio.run(main()) == []

    keeps_its_promises()
