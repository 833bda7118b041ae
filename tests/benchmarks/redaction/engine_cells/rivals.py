"""What else finds credentials by their shape: each as a function from text to text."""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine_cells.corpus import tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    Redact = Callable[[str], str]

_MASK = "[REDACTED]"


def langsmith_rules() -> list[dict[str, Any]]:
    """Return the rules that LangSmith ships, 24 of them at the time of writing."""
    return list(importlib.import_module("langsmith.anonymizer").DEFAULT_SECRET_RULES)


def dozen() -> list[dict[str, Any]]:
    """Take twelve of them: eight that name a planted token, four that go by names."""
    rules = langsmith_rules()
    named = [
        rule
        for rule in rules
        if any(rule["pattern"].search(each) for each in tokens(9))
    ]
    return [*named[:8], *rules[-4:]]


def langsmith_dozen() -> Redact:
    """`create_anonymizer` with twelve rules."""
    create = importlib.import_module("langsmith.anonymizer").create_anonymizer
    return _anonymizing(create(dozen()))


def langsmith_prefixes() -> Redact:
    """`create_anonymizer` with its first twelve rules: prefixes, the cheap ones."""
    create = importlib.import_module("langsmith.anonymizer").create_anonymizer
    return _anonymizing(create(langsmith_rules()[:12]))


def langsmith_all() -> Redact:
    """`create_secret_anonymizer`: every rule that LangSmith ships."""
    module = importlib.import_module("langsmith.anonymizer")
    return _anonymizing(module.create_secret_anonymizer())


def _anonymizing(anonymize: Callable[[Any], Any]) -> Redact:
    return lambda text: anonymize({"x": text})["x"]


def pii_builtin() -> Redact:
    """LangChain's PIIMiddleware with the five kinds it ships."""
    middleware = importlib.import_module("langchain.agents.middleware").PIIMiddleware
    kinds = ("email", "credit_card", "ip", "mac_address", "url")
    return _pii([middleware(kind, strategy="redact") for kind in kinds])


def pii_custom() -> Redact:
    """LangChain's PIIMiddleware with the twelve rules of the anonymizer."""
    middleware = importlib.import_module("langchain.agents.middleware").PIIMiddleware
    made = []
    for index, rule in enumerate(dozen()):
        pattern = rule["pattern"]
        flags = "(?i)" if pattern.flags & re.IGNORECASE else ""
        made.append(
            middleware(
                f"key{index}", detector=flags + pattern.pattern, strategy="redact"
            )
        )
    return _pii(made)


def _pii(kinds: list[Any]) -> Redact:
    def redact(text: str) -> str:
        for kind in kinds:
            text = kind._process_content(text)[0]
        return text

    return redact


def detect_secrets() -> Redact:
    """detect-secrets, each of its plug-ins, line by line; what it finds is cut out."""
    scan = importlib.import_module("detect_secrets.core.scan")
    settings = importlib.import_module("detect_secrets.settings")
    context = settings.default_settings()

    def redact(text: str) -> str:
        found = [each for line in text.splitlines() for each in scan.scan_line(line)]
        for each in found:
            if each.secret_value:
                text = text.replace(each.secret_value, _MASK)
        return text

    context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    return redact


def kingfisher() -> Redact:
    """Kingfisher's own scanner; what it finds is cut out."""
    sdk = importlib.import_module("kingfisher_sdk")
    scanner = sdk.Scanner(sdk.Rules(confidence="medium", cache=False))

    def redact(text: str) -> str:
        data = text.encode()
        found = scanner.scan(data)
        if not found:
            return text
        spots = ((f.location["start_offset"], f.location["end_offset"]) for f in found)
        parts, done = list[bytes](), 0
        for start, end in sorted(spots):
            if start >= done:
                parts += [data[done:start], _MASK.encode()]
            done = max(done, end)
        return b"".join([*parts, data[done:]]).decode()

    return redact


#: By name: the module it needs, how it is built, and the longest text that it is
#: given: longer ones are sampled, and the time is scaled.
_RIVALS: dict[str, tuple[str, Callable[[], Redact], int]] = {
    "LangSmith, 12 rules": ("langsmith", langsmith_dozen, 200_000),
    "LangSmith, 12 prefixes": ("langsmith", langsmith_prefixes, 1_000_000),
    "LangSmith, its 24 rules": ("langsmith", langsmith_all, 200_000),
    "PIIMiddleware, 5 built-in": ("langchain", pii_builtin, 200_000),
    "PIIMiddleware, 12 rules": ("langchain", pii_custom, 200_000),
    "detect-secrets": ("detect_secrets", detect_secrets, 10_000),
    "Kingfisher": ("kingfisher_sdk", kingfisher, 10_000_000),
}


@lru_cache(maxsize=1)
def rivals() -> dict[str, tuple[Redact, int] | None]:
    """Build each rival that is installed; None stands for one that is not."""
    return {
        name: (build(), longest) if importlib.util.find_spec(module) else None
        for name, (module, build, longest) in _RIVALS.items()
    }
