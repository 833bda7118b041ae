"""What listens while a graph runs: callback handlers, logs, standard output."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler

from langchain_tyrum.testing.leaks.telling import told

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Loggers of the machinery that runs the matrix, not of what is tested.
_QUIET = ("aiosqlite", "asyncio", "urllib3", "httpcore", "httpx")


class Heard:
    """What a handler was told: the events by name, and all that came with them."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.texts: list[bytes] = []
        self.inner: list[bytes] = []
        self.frames: list[bytes] = []
        self.tokens: list[str] = []

    def __repr__(self) -> str:
        return f"Heard(events={len(self.events)})"

    def hear(self, event: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Keep one event; a value may be split over several tokens."""
        self.events.append(event)
        text = told([args, kwargs], frames=self.frames)
        self.texts.append(text)
        if kwargs.get("parent_run_id") is not None:
            self.inner.append(text)
        if event == "on_llm_new_token":
            self.tokens.append(str(args[0] if args else kwargs.get("token")))

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"\n".join([*self.texts, "".join(self.tokens).encode()])


def recording_handler(heard: Heard) -> BaseCallbackHandler:
    """A user's handler, which keeps all it is told.

    Args:
        heard: What it was told.

    Returns:
        A sync handler; async runs take it as well.
    """

    def listen(event: str) -> Any:
        def on_event(_self: object, *args: Any, **kwargs: Any) -> None:
            heard.hear(event, args, kwargs)

        return on_event

    body = {name: listen(name) for name in _events()}
    kind: type[BaseCallbackHandler] = type("Recorder", (BaseCallbackHandler,), body)
    return kind()


def async_recording_handler(heard: Heard) -> BaseCallbackHandler:
    """The same, as a handler whose events are coroutines."""

    def listen(event: str) -> Any:
        async def on_event(_self: object, *args: Any, **kwargs: Any) -> None:
            heard.hear(event, args, kwargs)

        return on_event

    body = {name: listen(name) for name in _events()}
    kind: type[BaseCallbackHandler] = type(
        "AsyncRecorder", (AsyncCallbackHandler,), body
    )
    return kind()


def _events() -> list[str]:
    return [name for name in dir(BaseCallbackHandler) if name.startswith("on_")]


class Output:
    """What a run logged, printed and warned of."""

    def __init__(self) -> None:
        self.logs = io.StringIO()
        self.stdout = io.StringIO()
        self.stderr = io.StringIO()
        self.warnings: list[warnings.WarningMessage] = []

    def sinks(self) -> dict[str, bytes]:
        """The texts by surface."""
        texts = {
            "logs": self.logs.getvalue(),
            "stdout": self.stdout.getvalue(),
            "stderr": self.stderr.getvalue(),
            "warnings": "\n".join(str(each.message) for each in self.warnings),
        }
        return {
            name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()
        }


@contextlib.contextmanager
def listening() -> Iterator[Output]:
    """Listen to logging at DEBUG with tracebacks, standard output and warnings.

    Yields:
        What was said, complete when the block ends.
    """
    output = Output()
    handler = logging.StreamHandler(output.logs)
    handler.setFormatter(_Everything())
    root = logging.getLogger()
    before = {logging.getLogger(name): logging.getLogger(name).level for name in _QUIET}
    level = root.level
    for logger in before:
        logger.setLevel(logging.WARNING)
    unheard = _AsBefore(level)
    theirs = _handlers()
    for each in theirs:
        each.addFilter(unheard)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with (
            contextlib.redirect_stdout(output.stdout),
            contextlib.redirect_stderr(output.stderr),
            warnings.catch_warnings(record=True, action="always") as said,
        ):
            yield output
    finally:
        output.warnings.extend(said or ())
        root.removeHandler(handler)
        root.setLevel(level)
        for each in theirs:
            each.removeFilter(unheard)
        for logger, was in before.items():
            logger.setLevel(was)


def _handlers() -> list[logging.Handler]:
    known = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    return [h for each in known for h in getattr(each, "handlers", ())]


class _AsBefore(logging.Filter):
    """Keeps from the user's handlers what the root's own level kept from them.

    Args:
        level: The root's level before it was lowered.
    """

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None and logger.parent is not None:
            if logger.level:
                return True
            logger = logger.parent
        return record.levelno >= self._level


class _Everything(logging.Formatter):
    """Message, traceback, and every extra field, as log shippers send them."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {k: v for k, v in vars(record).items() if k != "exc_info"}
        return f"{super().format(record)}\n{fields!r}"
