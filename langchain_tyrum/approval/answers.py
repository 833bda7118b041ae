"""What a person may answer, read strictly, and builders for it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from langchain_tyrum.approval.calls import AnswerRefused
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.ledger.grants import GrantMode  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_tyrum.redaction import Redactor

#: A year; longer is `always`, or a policy.
_LONGEST_TTL = 366 * 24 * 3600
_Built = TypeVar("_Built", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class GrantOption(_Part):
    """How far an approval reaches.

    Attributes:
        mode: `once` (this call), `session` (this thread) or `always`.
        ttl_seconds: How long; None means as long as the mode does.
        max_uses: For how many calls; `once` is always one.
    """

    mode: GrantMode = "once"
    ttl_seconds: float | None = Field(default=None, gt=0, le=_LONGEST_TTL)
    max_uses: int | None = Field(default=None, ge=1, strict=True)

    @model_validator(mode="after")
    def _once_is_one(self) -> Self:
        if self.mode == "once" and self.max_uses not in (None, 1):
            raise ValueError("a `once` grant covers one use: choose `session`")
        return self


class Action(_Part):
    """A tool call as a person rewrote it."""

    name: str
    args: dict[str, JsonValue]


class Approve(_Part):
    """Run the call as shown."""

    type: Literal["approve"] = "approve"
    grant: GrantOption | None = None


class Reject(_Part):
    """Do not run the call; the reason goes to the model."""

    type: Literal["reject"] = "reject"
    message: str | None = None


class Edit(_Part):
    """Run another call instead; what it needs is decided anew."""

    type: Literal["edit"] = "edit"
    edited_action: Action


class Respond(_Part):
    """Do not run the call; the text goes to the model as its result."""

    type: Literal["respond"] = "respond"
    message: str


Decided = Approve | Reject | Edit | Respond
Decision = Annotated[Decided, Field(discriminator="type")]


class Answer(_Part):
    """An answer: one decision per action asked for, in their order."""

    decisions: tuple[Decision, ...] = Field(min_length=1)
    request_id: str | None = None


_answer = TypeAdapter(Answer)


def read_answer(
    raw: object, *, request_id: str, count: int, allowed: tuple[str, ...]
) -> tuple[Decided, ...]:
    """Read what came back from an interrupt.

    Args:
        raw: What `Command(resume=…)` carried.
        request_id: The request it is applied to.
        count: How many decisions were asked for.
        allowed: Which types of decision were offered.

    Returns:
        The decisions.

    Raises:
        AnswerRefused: It does not fit. The question stays open, nothing runs, and
            nothing of the answer stands in the error.
    """
    problem = ""
    try:
        answer = _answer.validate_python(raw)
    except ValidationError as error:
        # Places and kinds of mistake only: messages may quote what was sent.
        found = error.errors(include_url=False, include_context=False)
        problem = "; ".join(
            f"{'.'.join(_place(part) for part in one['loc']) or 'the answer'}: "
            f"{one['type']}"
            for one in found[:5]
        )
    if problem:
        raise AnswerRefused(
            f"the answer is not of the form {{'decisions': […]}} ({problem}): build "
            "it with decisions(approve(), reject('why')) and resume again"
        )
    if answer.request_id is not None and answer.request_id != request_id:
        raise meant_for_another(request_id)
    if len(answer.decisions) != count:
        raise AnswerRefused(
            f"the answer holds {len(answer.decisions)} decisions for {count} actions: "
            "give one per action, in their order"
        )
    for decision in answer.decisions:
        if decision.type not in allowed:
            raise AnswerRefused(
                f"{decision.type!r} was not offered here: choose one of "
                f"{', '.join(allowed)}"
            )
    return answer.decisions


def meant_for_another(request_id: str) -> AnswerRefused:
    """The error of an answer that names another request than the one that is open."""
    return AnswerRefused(
        f"the answer names another request than {request_id!r}, which is open here: "
        "read pending_approvals(graph, config) and answer that one"
    )


def refuse_values(redactor: Redactor, decisions: Sequence[Decided]) -> None:
    """Refuse an answer in which a person wrote a raw value.

    What is answered is kept, and goes to the model or into a call.

    Args:
        redactor: Knows the values.
        decisions: The answer.

    Raises:
        AnswerRefused: One holds a value; its place is named.
    """
    for number, decision in enumerate(decisions, start=1):
        if redactor.scan(decision.model_dump()):
            raise AnswerRefused(
                f"decision {number} ({decision.type}) holds a raw value: leave it out, "
                "or store it with `langchain-tyrum secret set` and let the tool lease "
                "it by name; if it was real, rotate it"
            )


def _place(part: int | str) -> str:
    return part if isinstance(part, str) and part in _FIELDS else str(_number(part))


def _number(part: int | str) -> int | str:
    return part if isinstance(part, int) else "?"


#: Names that may be repeated in an error; any other key came with the answer.
_FIELDS = frozenset(
    name
    for model in (Answer, Approve, Reject, Edit, Respond, GrantOption, Action)
    for name in model.model_fields
) | {"approve", "reject", "edit", "respond"}


def decisions(*each: Decided, request_id: str | None = None) -> dict[str, Any]:
    """Build an answer for `Command(resume=…)`.

    Args:
        each: One decision per action asked for, in their order.
        request_id: The request it is meant for; a mismatch is refused then.

    Returns:
        Plain data, as any client would send it.

    Raises:
        ConfigError: There is no decision, or something that is none.
    """
    answer = _made(
        lambda: Answer(decisions=each, request_id=request_id),
        "decisions(…) takes at least one of approve(), reject(), edit(), respond(), in "
        "the order of the calls, and request_id= as text",
    )
    return answer.model_dump(mode="json", exclude_none=True)


def approve(
    *,
    grant: GrantMode | GrantOption | Mapping[str, Any] = "once",
    ttl_seconds: float | None = None,
    max_uses: int | None = None,
) -> Approve:
    """Approve one action.

    Args:
        grant: How far it reaches: `once`, `session` or `always`; or all there is to
            say of it, as an answer's `grant` has it.
        ttl_seconds: How long the grant holds.
        max_uses: How many calls it covers.

    Returns:
        The decision, for `decisions(…)`.

    Raises:
        ConfigError: There is no such grant.
    """
    if isinstance(grant, GrantOption):
        option = grant
    else:
        given = dict(grant) if isinstance(grant, Mapping) else {"mode": grant}
        limits = {"ttl_seconds": ttl_seconds, "max_uses": max_uses}
        option = _made(
            lambda: GrantOption.model_validate(limits | given),
            "approve(…) takes grant='once', 'session' or 'always', ttl_seconds= above "
            "0 and at most a year, and max_uses= of at least 1, which is 1 for 'once'",
        )
    # A plain approval is written as every client of LangChain's form writes it.
    return Approve(grant=None if option == GrantOption() else option)


def reject(message: str | None = None) -> Reject:
    """Reject one action; the reason, if any, goes to the model."""
    return _made(
        lambda: Reject(message=message), "reject(…) takes its reason as text, or none"
    )


def edit(name: str, args: dict[str, Any]) -> Edit:
    """Let another call run in place of the one shown.

    Args:
        name: The tool to call.
        args: All of its arguments.

    Returns:
        The decision; new scopes or another tool are asked for again.

    Raises:
        ConfigError: The arguments are no JSON data.
    """
    return _made(
        lambda: Edit(edited_action=Action(name=name, args=args)),
        "edit(…) takes the name of a tool, and a dict of JSON data with its arguments",
    )


def respond(message: str) -> Respond:
    """Answer the model in the tool's place; the tool does not run."""
    return _made(
        lambda: Respond(message=message), "respond(…) takes the words for the model"
    )


def _made(build: Callable[[], _Built], takes: str) -> _Built:
    with suppress(ValidationError):
        return build()
    # Outside of the handler: what pydantic says may quote what was given.
    raise ConfigError(f"this answer cannot be built: {takes}")
