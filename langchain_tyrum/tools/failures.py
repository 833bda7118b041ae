"""Errors that keep their class and lose everything that could hold a value."""

from __future__ import annotations

from asyncio import CancelledError
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tyrum.redaction import Redactor

#: What builtin errors keep beside `args` and `__dict__`: the object that lacked an
#: attribute, the path that could not be opened.
_BESIDE = (
    *("obj", "value", "code", "filename", "filename2", "text", "object"),
    *("name", "name_from", "path", "msg", "doc", "reason", "encoding"),
)


def loosen(error: BaseException, redactor: Redactor) -> BaseException:
    """Return an error of the same class, redacted and without tracebacks.

    A frame holds the local variables of the tool, and an HTTP error its request
    with the header that carried the value. Both go; the status code, which retry
    policies and error handlers read, stays.

    Args:
        error: The error as the tool raised it.
        redactor: Who knows the values.
    """
    for one in _chain(error):
        _clean_attributes(one, redactor)
    clean: BaseException = redactor.redact(error)
    for one in _chain(clean):
        one.__traceback__ = None
        if tells(one, redactor):
            return RuntimeError(redactor.redact_text(f"{type(error).__name__}: {one}"))
    return clean


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that hang on it, each once."""
    stack, seen = [error], set()
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        linked = [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        linked += vars(one).values()
        stack.extend(link for link in linked if isinstance(link, BaseException))


def _clean_attributes(error: BaseException, redactor: Redactor) -> None:
    for name, value in list(vars(error).items()):
        if not name.startswith("__"):
            vars(error)[name] = _harmless(value, redactor)
    for name in _BESIDE:
        value = getattr(error, name, None)
        clean = _harmless(value, redactor)
        if clean is not value:
            _put(error, name, clean)


def _put(error: BaseException, name: str, clean: Any) -> None:
    """Set an attribute; where it takes no marker, empty it, else withhold all."""
    try:
        setattr(error, name, clean)
    except TypeError:
        setattr(error, name, None)


def _harmless(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, httpx.Request):
        return _request(value, redactor)
    if isinstance(value, httpx.Response):
        return _response(value, redactor)
    if isinstance(status := getattr(value, "status_code", None), int):
        return SimpleNamespace(status_code=status)
    return redactor.redact(value)


def _request(request: httpx.Request, redactor: Redactor) -> httpx.Request:
    try:
        return httpx.Request(request.method, redactor.redact_text(str(request.url)))
    except httpx.InvalidURL:  # a marker in the place of a host or port
        return httpx.Request(request.method, "http://redacted.invalid/")


def _response(response: httpx.Response, redactor: Redactor) -> httpx.Response:
    try:
        body = response.content
    except httpx.ResponseNotRead:
        body = b""
    request = getattr(response, "_request", None)
    return httpx.Response(
        response.status_code,
        content=redactor.redact_bytes(body),
        request=_harmless(request, redactor),
    )


def tells(obj: Any, redactor: Redactor) -> bool:
    """Say whether an object still tells a value, by a way that nobody foresaw."""
    texts = {str(obj), repr(obj)}
    return any(redactor.redact_text(text) != text for text in texts)


def withheld(error: BaseException) -> BaseException:
    """Make what stands for an error that could not be redacted: its class's name."""
    if isinstance(error, CancelledError | KeyboardInterrupt | SystemExit):
        return type(error)()
    return RuntimeError(
        f"the tool raised {type(error).__name__}; its text is withheld, since it "
        "could not be redacted"
    )
