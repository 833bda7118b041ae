"""Running a helper program that prints a value."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IS_POSIX = os.name == "posix"


class CannotRun(Exception):
    """The program is not there, or not executable; the text is the system's reason."""


class TookTooLong(Exception):
    """The program was killed, with all that it had started in its process group."""


def run(
    command: Sequence[str], *, environ: Mapping[str, str], timeout_seconds: float
) -> tuple[int, bytes, str]:
    """Run a program without a shell and without input.

    Args:
        command: The program and its arguments.
        environ: All of its environment.
        timeout_seconds: When it is killed.

    Returns:
        Its status, its standard output and, apart from it, its standard error.

    Raises:
        CannotRun: It could not be started.
        TookTooLong: It did not end in time. What it had printed is thrown away.
    """
    reason: str | None = None
    try:
        process = subprocess.Popen(  # noqa: S603 - an argv of ours, and no shell
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            # A group, not a session: `op` asks once for each terminal session.
            process_group=0 if _IS_POSIX else None,
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
    if reason is not None:
        raise CannotRun(reason)
    found = _finish(process, timeout_seconds)
    if found is None:
        raise TookTooLong
    output, said = found
    return process.returncode, output, said.decode(errors="replace")


def _finish(
    process: subprocess.Popen[bytes], timeout_seconds: float
) -> tuple[bytes, bytes] | None:
    """What it printed; None when it had to be killed."""
    done = False
    try:
        found = process.communicate(timeout=timeout_seconds)
        done = True
        return found
    except subprocess.TimeoutExpired:
        return None
    finally:
        if not done:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if _IS_POSIX:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()
