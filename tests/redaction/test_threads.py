"""Many threads and processes at one redactor: no miss, no crash, no error."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.lazy import lazy

STAYS = "the-base-value-00x9"


def _value(worker: int, number: int) -> str:
    return f"w{worker}-value-{number:04d}-{number * 7919:06x}"


class TestThreads:
    @pytest.mark.parametrize("count", [1, 200])
    def test_eight_scan_while_others_register_and_unregister(self, count):
        """What stays registered is hidden in every way, and what came is at once."""
        redactor, stop = Redactor(detectors=[]), threading.Event()
        redactor.register("base", STAYS)
        for number in range(count):
            redactor.register(f"f{number}", _value(9, number))

        def scan(worker: int) -> int:
            rounds = 0
            while not stop.is_set() or rounds == 0:
                text = f"{worker} {STAYS} {STAYS.encode().hex()} " * 8
                with redactor.stream() as stream:
                    streamed = stream.feed(text[:90]) + stream.feed(text[90:])
                    streamed += stream.close()
                shown = [
                    redactor.redact_text(text),
                    redactor.redact({"a": [text]})["a"][0],
                    redactor.redact_bytes(text.encode()).decode(),
                    streamed,
                ]
                assert set(shown) == {f"{worker} [REDACTED:base] [REDACTED:base] " * 8}
                assert len(redactor.scan(text)) == 16
                assert redactor.contains(text.encode())
                rounds += 1
            return rounds

        def churn(worker: int) -> None:
            for number in range(10):
                value = _value(worker, number)
                redactor.register(f"{worker}/{number}", value)
                marked = f"[REDACTED:{worker}/{number}]"
                assert redactor.redact_text(f"<{value}>") == f"<{marked}>"
                if number % 2:
                    redactor.unregister(f"{worker}/{number}")
                    assert redactor.redact_text(f"<{value}>") == f"<{value}>"

        with ThreadPoolExecutor(11) as pool:
            scans = [pool.submit(scan, worker) for worker in range(8)]
            churns = [pool.submit(churn, worker) for worker in range(3)]
            try:
                for each in churns:
                    each.result()
            finally:
                stop.set()
            assert all(each.result() for each in scans)
        for worker in range(3):
            for number in range(10):
                value, kept = _value(worker, number), number % 2 == 0
                assert (value in redactor.redact_text(f"<{value}>")) is not kept

    def test_threads_that_come_and_go(self, redactor, value):
        """Each thread scans once, as LangGraph's do, and finds a scratch."""
        for number in range(100):
            redactor.register(f"f{number}", _value(9, number))
        shown = []

        def once() -> None:
            shown.append(redactor.redact_text(f"a {value} b" * 9))

        for _ in range(8):
            threads = [threading.Thread(target=once) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert shown == ["a [REDACTED:vault/canary] b" * 9] * 64


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
class TestForks:
    @pytest.mark.parametrize("count", [1, 200])
    def test_children_of_a_busy_process(self, count):
        """Forked while threads scan and register, each child redacts and registers."""
        redactor, stop = Redactor(detectors=[]), threading.Event()
        redactor.register("base", STAYS)
        for number in range(count):
            redactor.register(f"f{number}", _value(9, number))

        def busy(worker: int) -> None:
            number = 0
            while not stop.is_set():
                redactor.register(
                    f"{worker}/{number % 50}", _value(worker, number % 50)
                )
                redactor.redact_text(f"a {STAYS} b" * 50)
                number += 1

        threads = [threading.Thread(target=busy, args=(w,)) for w in range(3)]
        for thread in threads:
            thread.start()
        try:
            codes = [self._fork(redactor, number) for number in range(6)]
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert codes == [0] * 6

    def _fork(self, redactor: Redactor, number: int) -> int:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                late = _value(7, number)
                redactor.register("late", late)
                text = f"{STAYS} {late} {_value(9, 0)} " * 4
                shown = redactor.redact_text(text)
                wanted = "[REDACTED:base] [REDACTED:late] [REDACTED:f0] " * 4
                code = 0 if shown == wanted else 2
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class TestLazy:
    def test_an_object_does_not_wait_for_another_one(self):
        """While one is being made, in a thread or in what a fork left, others are."""
        begun, end = threading.Event(), threading.Event()

        class Slow:
            def __init__(self, waits: bool) -> None:
                self.waits, self.asked = waits, 0

            @lazy
            def made(self) -> int:
                """What takes long to make."""
                self.asked += 1
                if self.waits:
                    begun.set()
                    end.wait()
                return self.asked

        slow, quick = Slow(waits=True), Slow(waits=False)
        thread = threading.Thread(target=lambda: slow.made, daemon=True)
        thread.start()
        begun.wait()
        other = threading.Thread(target=lambda: quick.made, daemon=True)
        other.start()
        other.join(timeout=20)
        assert not other.is_alive()
        end.set()
        thread.join()
        assert (slow.made, quick.made, quick.asked) == (1, 1, 1)
        assert Slow.made.__doc__ == "What takes long to make."
