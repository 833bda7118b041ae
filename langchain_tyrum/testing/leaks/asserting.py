"""The leak matrix as an assertion, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.testing.leaks.matrix import LeakMatrix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langgraph.pregel import Pregel

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.testing.leaks.report import LeakReport


def assert_no_leaks(
    graph: Pregel[Any, Any, Any, Any] | Callable[..., Any],
    broker: SecretBroker,
    *,
    inputs: Sequence[Any],
    **options: Any,
) -> LeakReport:
    """Run the leak matrix on a graph, for use in a test.

    Args:
        graph: As for `LeakMatrix`.
        broker: The broker of the graph.
        inputs: What to run.
        **options: Further options of `LeakMatrix`.

    Returns:
        The report, which is ok.

    Raises:
        LeaksFound: Something leaked, or a run was not alive.
        ConfigError: An option is wrong, or an event loop runs here: await
            `aassert_no_leaks` there.
    """
    report = LeakMatrix(graph, broker, inputs=inputs, **options).run()
    report.raise_for_leaks()
    return report


async def aassert_no_leaks(
    graph: Pregel[Any, Any, Any, Any] | Callable[..., Any],
    broker: SecretBroker,
    *,
    inputs: Sequence[Any],
    **options: Any,
) -> LeakReport:
    """Run the async ways of the leak matrix on a graph, for use in an async test.

    The sync ways are listed as skipped: `assert_no_leaks` runs both kinds.

    Args:
        graph: As for `LeakMatrix`.
        broker: The broker of the graph.
        inputs: What to run.
        **options: Further options of `LeakMatrix`.

    Returns:
        The report, which is ok.

    Raises:
        LeaksFound: Something leaked, or a run was not alive.
        ConfigError: An option is wrong.
    """
    report = await LeakMatrix(graph, broker, inputs=inputs, **options).arun()
    report.raise_for_leaks()
    return report
