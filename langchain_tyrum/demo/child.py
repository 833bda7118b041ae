"""One run of the story, in a process of its own: run the agent, record every sink.

Environment variables, tracing caches and log handlers are a process's own, so each
run gets a fresh one: `python -m langchain_tyrum.demo.child SETTINGS`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_tyrum.demo.story import Settings, user_message

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

STREAM_MODES = ["values", "updates", "messages", "custom", "tasks", "debug"]
_ROUNDS = 8


def main(path: str) -> int:
    """Run the story once and leave the evidence in the run's folder."""
    settings = Settings.take(Path(path))
    folder = Path(settings.folder)
    logging.basicConfig(filename=folder / "debug.log", level=logging.DEBUG)
    _set_environment(settings)

    from langchain_core.tracers.langchain import wait_for_all_tracers  # noqa: PLC0415

    from langchain_tyrum.demo.agents import build  # noqa: PLC0415
    from langchain_tyrum.demo.model import ModelWitness  # noqa: PLC0415

    witness = ModelWitness(folder / "model_input.txt")
    model = _model(settings.model)
    model.callbacks = [witness]
    agent = build(settings, model)
    _write(folder / "repr.txt", f"{agent!r}\n{agent.nodes!r}")
    try:
        final = _run(agent, settings)
    except Exception as error:
        # What a user's own error handling would log.
        logging.getLogger("application").exception("the run failed")
        _write(folder / "result.json", json.dumps({"error": repr(error)}))
        return 1
    finally:
        wait_for_all_tracers()
        _flush()
    told = {"answer": str(final["messages"][-1].content), "model_calls": witness.calls}
    _write(folder / "result.json", json.dumps(told))
    _write(folder / "final_state.txt", repr(final))
    _write(folder / "history.txt", _history(agent))
    return 0


def _set_environment(settings: Settings) -> None:
    """Tracing for every run; credentials only where tools read the environment."""
    credentials = settings.credentials
    os.environ |= {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": settings.sink_url,
        "LANGSMITH_API_KEY": "demo",
        "LANGSMITH_PROJECT": "demo",
    }
    if settings.variant != "tyrum":
        os.environ |= {
            "TRACKER_TOKEN": credentials.tracker_token,
            "DEPLOY_KEY": credentials.deploy_key,
        }


def _model(name: str | None) -> BaseChatModel:
    if name is None:
        from langchain_tyrum.demo.model import ScriptedModel  # noqa: PLC0415

        return ScriptedModel()
    from langchain.chat_models import init_chat_model  # noqa: PLC0415

    return init_chat_model(name)


def _config(settings: Settings) -> dict[str, Any]:
    """The config of the run; the application passes its session along in it."""
    session = settings.credentials.session
    return {
        "configurable": {"thread_id": "demo", "session": session},
        "metadata": {"client": f"web, session {session}"},
        "tags": [f"session:{session}"],
        "callbacks": [_Handler(Path(settings.folder) / "callbacks.txt").as_handler()],
        "recursion_limit": 40,
    }


def _run(agent: Any, settings: Settings) -> dict[str, Any]:
    folder = Path(settings.folder)
    config = _config(settings)
    given: Any = {
        "messages": [{"role": "user", "content": user_message(settings.credentials)}]
    }
    for _ in range(_ROUNDS):
        for mode, chunk in agent.stream(given, config, stream_mode=STREAM_MODES):
            _append(folder / f"stream_{mode}.txt", repr(chunk))
        questions = [task.interrupts for task in agent.get_state(config).tasks]
        asked = [interrupt for interrupts in questions for interrupt in interrupts]
        if not asked:
            values: dict[str, Any] = agent.get_state(config).values
            return values
        given = _answer(asked, settings, folder)
    raise RuntimeError("the run did not come to an end")


def _answer(asked: list[Any], settings: Settings, folder: Path) -> Any:
    from langgraph.types import Command  # noqa: PLC0415

    answers = {}
    for interrupt in asked:
        _append(folder / "questions.txt", json.dumps(interrupt.value, default=repr))
        requests = interrupt.value["action_requests"]
        agreed = [_agrees(request, settings.approve) for request in requests]
        answers[interrupt.id] = {
            "decisions": [
                {"type": "approve"} if yes else {"type": "reject", "message": "no"}
                for yes in agreed
            ]
        }
    return Command(resume=answers)


def _agrees(request: dict[str, Any], approve: str) -> bool:
    if approve != "ask":
        return approve == "yes"
    print(f"\n{request['description']}", file=sys.stderr)
    return input(f"Let {request['name']} run? [y/N] ").strip().lower() == "y"


class _Handler:
    """A callback handler as applications write them: it logs what it is given."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def as_handler(self) -> Any:
        """The handler; every event of LangChain ends up in the file."""
        from langchain_core.callbacks import BaseCallbackHandler  # noqa: PLC0415

        path = self._path

        def record(name: str) -> Any:
            def on_event(_self: object, *args: Any, **kwargs: Any) -> None:
                _append(path, f"{name} {args!r} {kwargs!r}")

            return on_event

        events = [name for name in dir(BaseCallbackHandler) if name.startswith("on_")]
        body = {name: record(name) for name in events}
        return type("LoggingHandler", (BaseCallbackHandler,), body)()


def _history(agent: Any) -> str:
    config = {"configurable": {"thread_id": "demo"}}
    return "\n".join(repr(snapshot) for snapshot in agent.get_state_history(config))


def _flush() -> None:
    from langsmith.run_trees import get_cached_client  # noqa: PLC0415

    get_cached_client().flush()


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
