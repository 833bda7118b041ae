"""Every error of the package, in one tree.

    TyrumError
    ├── SecretNotFound          no such secret, or not in what you may see
    │   └── InvalidHandle       the text given is no handle at all
    ├── SecretExists            another value is stored under that name
    ├── SecretRevoked           revoked until somebody reauthorizes it
    ├── SecretExpired           past its `expires_at`
    ├── SecretForbidden         policy, owner, tenant, environment or host
    ├── ApprovalRequired        a person has to agree first
    ├── ApprovalRefused         a person said no, or the answer did not fit
    ├── LeaseExpired            a value was used after its lease
    ├── InterruptInsideLease    a tool asked a person while holding a value
    ├── RawSecretFound          a raw value stood where only handles may
    ├── WeakSecret              too short or too common to be guarded
    ├── ProviderError           a provider failed
    │   ├── ProviderUnavailable
    │   └── ProviderTimeout
    ├── KeyMismatch             the master key does not open what is stored
    ├── LedgerError             the audit trail cannot be written or trusted
    └── ConfigError             a setting is wrong

No message, argument, note, cause or context of these ever holds a raw value.
Each error also inherits the builtin that callers already catch, where one fits.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ApprovalRefused",
    "ApprovalRequired",
    "ConfigError",
    "InterruptInsideLease",
    "InvalidHandle",
    "KeyMismatch",
    "LeaseExpired",
    "LedgerError",
    "ProviderError",
    "ProviderTimeout",
    "ProviderUnavailable",
    "RawSecretFound",
    "SecretExists",
    "SecretExpired",
    "SecretForbidden",
    "SecretNotFound",
    "SecretRevoked",
    "TyrumError",
    "WeakSecret",
]


class TyrumError(Exception):
    """Base of all errors of this package; never raised itself.

    Attributes:
        handle: The handle id or secret name the error is about, if any.
        scope: The scope that was asked for, if any.
        tool_id: The consumer that asked, if any.
    """

    def __init__(
        self,
        message: str,
        *,
        handle: str | None = None,
        scope: str | None = None,
        tool_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.handle = handle
        self.scope = scope
        self.tool_id = tool_id

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self.args, self.__dict__.copy())


class SecretNotFound(TyrumError, LookupError):
    """No secret of that name, id or alias is visible here."""


class InvalidHandle(SecretNotFound, ValueError):
    """The given text is no handle. It is not repeated: it could be a value."""


class SecretExists(TyrumError, ValueError):
    """Another value is already stored under that name."""


class SecretRevoked(TyrumError, PermissionError):
    """The secret was revoked and stays so until it is reauthorized."""


class SecretExpired(TyrumError, PermissionError):
    """The secret is past its expiry."""


class SecretForbidden(TyrumError, PermissionError):
    """Policy, owner, tenant, environment or host forbids this use."""


class ApprovalRequired(TyrumError, PermissionError):
    """The policy wants a person's agreement and no grant covers this use."""


class ApprovalRefused(TyrumError, PermissionError):
    """A person refused, or the answer did not fit what was asked."""


class LeaseExpired(TyrumError, RuntimeError):
    """The value was asked for after its lease had ended."""


class InterruptInsideLease(TyrumError, RuntimeError):
    """A tool asked a person while it held a raw value."""


class RawSecretFound(TyrumError, ValueError):
    """A raw value stood where only handles may stand.

    Attributes:
        path: Where it stood, e.g. `messages[2].content`.
        rule: Which rule found it: `registered` or the kind of shape.
    """

    def __init__(
        self, message: str, *, path: str = "", rule: str = "", **where: str | None
    ) -> None:
        super().__init__(message, **where)
        self.path = path
        self.rule = rule


class WeakSecret(TyrumError, ValueError):
    """The value is too short or too common to be told from ordinary text."""


class ProviderError(TyrumError):
    """A provider failed.

    Attributes:
        provider: The label of the provider that failed.
    """

    def __init__(
        self, message: str, *, provider: str = "", **where: str | None
    ) -> None:
        super().__init__(message, **where)
        self.provider = provider


class ProviderUnavailable(ProviderError, ConnectionError):
    """The provider cannot be reached, or this machine lacks what it needs."""


class ProviderTimeout(ProviderError, TimeoutError):
    """The provider did not answer in time."""


class KeyMismatch(TyrumError, ValueError):
    """The master key does not open what is stored.

    Attributes:
        key_id: The id of the key that the stored row names.
    """

    def __init__(self, message: str, *, key_id: str = "", **where: str | None) -> None:
        super().__init__(message, **where)
        self.key_id = key_id


class LedgerError(TyrumError, RuntimeError):
    """The catalog or the audit trail cannot be read, written or trusted."""


class ConfigError(TyrumError, ValueError):
    """A setting is missing, unknown or contradicts another."""
