"""Clocks on guards, for `bench_protect.py`."""

from __future__ import annotations

import time
from typing import Any


class Clocks:
    """Processor time spent inside guards, by guard; the outermost one counts."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._undo: list[tuple[Any, str, Any]] = []
        self._inside = False

    def on(self, owner: Any, name: str, guard: str) -> None:
        original = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return original(*args, **kwargs)
            self._inside, start = True, time.thread_time()
            try:
                found = original(*args, **kwargs)
                return list(found) if name == "parts" else found
            finally:
                took = time.thread_time() - start
                self.spent[guard] = self.spent.get(guard, 0.0) + took
                self._inside = False

        self._undo.append((owner, name, original))
        setattr(owner, name, timed)

    def around(self, owner: Any, name: str, guard: str) -> None:
        """A hook that calls a handler, whose time is not its own."""
        original = getattr(owner, name)

        def timed(hook: Any, request: Any, handler: Any) -> Any:
            inner = 0.0

            def handled(request: Any) -> Any:
                nonlocal inner
                start = time.thread_time()
                try:
                    return handler(request)
                finally:
                    inner = time.thread_time() - start

            start = time.thread_time()
            try:
                return original(hook, request, handled)
            finally:
                took = time.thread_time() - start - inner
                self.spent[guard] = self.spent.get(guard, 0.0) + took

        self._undo.append((owner, name, original))
        setattr(owner, name, timed)

    def off(self) -> None:
        for owner, name, original in self._undo:
            setattr(owner, name, original)
