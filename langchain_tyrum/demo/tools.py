"""The three errands of the story. They are careless on purpose.

Each does its work with a real credential and then gives it away: in its result, in a
log line, in streamed progress, in an exception. Every run uses these same functions.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
from langchain_core.tools import ToolException

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("errands")

#: What the subprocess of `deploy` runs: it checks the key that it gets and, like many
#: a build script, prints its environment.
_DEPLOY = """
import hashlib, os, sys
key = os.environ["DEPLOY_KEY"]
if hashlib.sha256(key.encode()).hexdigest() != os.environ["DEPLOY_KEY_SHA256"]:
    sys.exit("wrong key")
print("deployed to", sys.argv[1], "with DEPLOY_KEY=" + key)
"""


def open_issue(title: str, *, url: str, token: str, session: str) -> str:
    """Open an issue in the tracker and return what it answers."""
    headers = {"authorization": f"Bearer {token}", "x-session": session}
    logger.debug("POST %s/issues headers=%r", url, headers)
    response = httpx.post(f"{url}/issues", json={"title": title}, headers=headers)
    response.raise_for_status()
    return response.text


def login(page: str, *, url: str, password: str) -> str:
    """Log in, then stumble over a redirect whose URL holds the password."""
    response = httpx.post(f"{url}/login", auth=("me", password))
    response.raise_for_status()
    raise ToolException(
        f"logged in to {page}, but it moved to https://me:{password}@status.example/"
    )


def deploy(
    target: str, *, key: str, expected_sha256: str, progress: Callable[[object], None]
) -> str:
    """Run the deploy script with the key in its environment."""
    encoded = base64.b64encode(f"deployer:{key}".encode()).decode()
    progress({"progress": f"uploading with Authorization: Basic {encoded}"})
    done = subprocess.run(
        [sys.executable, "-c", _DEPLOY, target],
        env={**os.environ, "DEPLOY_KEY": key, "DEPLOY_KEY_SHA256": expected_sha256},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    logger.info("deploy said: %s", done.stdout)
    return done.stdout


def sha256(value: str) -> str:
    """How the story tells the subprocess which key to expect."""
    return hashlib.sha256(value.encode()).hexdigest()
