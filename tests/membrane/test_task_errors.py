"""What a `@task` raises reaches the code that called it redacted."""

from __future__ import annotations

from langgraph.func import entrypoint, task

from langchain_tyrum.membrane import protect


class TestTaskErrors:
    def test_an_error_that_is_handled_says_no_value(self, broker, value):
        """The entrypoint that catches it reads a marker, as its trace does."""
        caught = []

        @task
        def work() -> str:
            raise LookupError(f"no {value}")

        @entrypoint()
        def run(_: str) -> str:
            try:
                return work().result()
            except LookupError as error:
                caught.append(str(error))
                return "handled"

        assert "handled" == protect(run, broker).invoke("x")
        assert ["no [REDACTED:db/password]"] == caught

    async def test_async_too(self, broker, value):
        """The same holds for a task that is awaited."""
        caught = []

        @task
        async def work() -> str:
            raise LookupError(f"no {value}")

        @entrypoint()
        async def run(_: str) -> str:
            try:
                return await work()
            except LookupError as error:
                caught.append(str(error))
                return "handled"

        assert "handled" == await protect(run, broker).ainvoke("x")
        assert ["no [REDACTED:db/password]"] == caught
