"""The same agent three times: bare, with LangChain's protections, with ours."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, PIIMiddleware
from langchain_core.runnables import RunnableConfig  # noqa: TC002 - @tool reads it
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.config import get_stream_writer
from langsmith import Client, configure
from langsmith.anonymizer import DEFAULT_SECRET_RULES, create_secret_anonymizer

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.demo import tools as errands
from langchain_tyrum.demo.story import SYSTEM_PROMPT
from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.tools import UserSecret, secret_tool

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from langchain_tyrum.demo.story import Settings

#: Where the broker of the third run keeps its files, below the run's folder.
STORE = "store"
CHECKPOINTS = "checkpoints.db"

POLICY = SecretPolicy(
    require_approval=["tracker:issues:write", "password"],
    allow=["deploy:staging", "session"],
)


def build(settings: Settings, model: BaseChatModel) -> Any:
    """The agent of one run.

    Args:
        settings: Which run, and where its files go.
        model: The chat model.

    Returns:
        The compiled graph.
    """
    makers = {
        "unprotected": _unprotected,
        "langchain": _with_langchain,
        "tyrum": _with_tyrum,
    }
    return makers[settings.variant](settings, model)


def _saver(settings: Settings, **options: Any) -> SqliteSaver:
    path = Path(settings.folder) / CHECKPOINTS
    connection = sqlite3.connect(path, check_same_thread=False)
    return SqliteSaver(connection, **options)


def _unprotected(settings: Settings, model: BaseChatModel) -> Any:
    return create_agent(
        model,
        _plain_tools(settings),
        system_prompt=SYSTEM_PROMPT,
        middleware=[_ask_a_person()],
        checkpointer=_saver(settings),
    )


def _with_langchain(settings: Settings, model: BaseChatModel) -> Any:
    """LangChain's own protections, each at its strongest setting."""
    configure(client=Client(anonymizer=create_secret_anonymizer()))
    scrub = PIIMiddleware(
        "secret",
        detector=_known_shapes,
        apply_to_input=True,
        apply_to_output=True,
        apply_to_tool_results=True,
    )
    return create_agent(
        model,
        _plain_tools(settings),
        system_prompt=SYSTEM_PROMPT,
        middleware=[scrub, _ask_a_person()],
        checkpointer=_saver(settings, serde=EncryptedSerializer(_Cipher())),
    )


def _with_tyrum(settings: Settings, model: BaseChatModel) -> Any:
    broker = SecretBroker.local(
        Path(settings.folder) / STORE,
        policy=POLICY,
        identity=lambda _config: "engineer",
    )
    agent = create_agent(
        model,
        _secret_tools(settings, broker),
        system_prompt=SYSTEM_PROMPT,
        middleware=[TyrumMiddleware(broker)],
        checkpointer=_saver(settings),
    )
    return protect(agent, broker)


def _plain_tools(settings: Settings) -> list[BaseTool]:
    """Tools as they are commonly written: credentials from the environment."""
    url = settings.tracker_url

    @tool
    def open_issue(title: str, config: RunnableConfig) -> str:
        """Open an issue in the tracker."""
        token = os.environ["TRACKER_TOKEN"]
        session = config["configurable"]["session"]
        return errands.open_issue(title, url=url, token=token, session=session)

    @tool
    def login(page: str, password: str) -> str:
        """Log the user in to a page."""
        return errands.login(page, url=url, password=password)

    @tool
    def deploy(target: str) -> str:
        """Deploy to a target."""
        key = os.environ["DEPLOY_KEY"]
        return errands.deploy(
            target,
            key=key,
            expected_sha256=errands.sha256(key),
            progress=get_stream_writer(),
        )

    login.handle_tool_error = True
    return [open_issue, login, deploy]


def _secret_tools(settings: Settings, broker: SecretBroker) -> list[BaseTool]:
    """The same tools, decorated: no credential in any schema or environment."""
    url = settings.tracker_url
    expected = errands.sha256(settings.credentials.deploy_key)

    @secret_tool(broker, token="tracker/token", session="session")
    def open_issue(title: str, *, token: str, session: str) -> str:
        """Open an issue in the tracker."""
        return errands.open_issue(title, url=url, token=token, session=session)

    @secret_tool(broker, password=UserSecret("password"))
    def login(page: str, *, password: str) -> str:
        """Log the user in to a page."""
        return errands.login(page, url=url, password=password)

    @secret_tool(broker, key="deploy/key")
    def deploy(target: str, *, key: str) -> str:
        """Deploy to a target."""
        return errands.deploy(
            target, key=key, expected_sha256=expected, progress=get_stream_writer()
        )

    login.handle_tool_error = True
    return [open_issue, login, deploy]


def _ask_a_person() -> HumanInTheLoopMiddleware[Any, Any]:
    return HumanInTheLoopMiddleware({"open_issue": True, "login": True})


def _known_shapes(text: str) -> list[Any]:
    """LangSmith's own rules, as a detector for LangChain's own middleware."""
    return [
        {"type": "secret", "value": hit[0], "start": hit.start(), "end": hit.end()}
        for rule in DEFAULT_SECRET_RULES
        for hit in rule["pattern"].finditer(text)
    ]


class _Cipher:
    """AES-GCM for LangGraph's `EncryptedSerializer`."""

    def __init__(self) -> None:
        self._aead = AESGCM(AESGCM.generate_key(256))

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        nonce = os.urandom(12)
        return "aesgcm", nonce + self._aead.encrypt(nonce, plaintext, None)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        del ciphername
        return self._aead.decrypt(ciphertext[:12], ciphertext[12:], None)
