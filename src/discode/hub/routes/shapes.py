"""Types that several parts of the API share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ...core.names import SLUG


class Shape(BaseModel):
    """What comes in: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """`key` is stable and for programs; `sentence` and `next_step` are for people."""

    key: str = Field(examples=["no-scope"])
    sentence: str = Field(examples=["The API token is not allowed to do this: it lacks the scope release."])
    next_step: str = Field(examples=["Use a token with that scope."])


class ErrorAnswer(BaseModel):
    error: Problem


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses`: these statuses carry an ErrorAnswer, in addition to those of every route."""
    return {status: {"model": ErrorAnswer} for status in sorted({*statuses, 422, 429, 503})}


# No control characters, because terminals will show these texts.
Line = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Sentence = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Days = Annotated[int, Field(ge=1, le=36500)]
Slug = Annotated[str, Field(pattern=f"^{SLUG.pattern}$", max_length=40, examples=["myapp"])]
Installation = Annotated[str, Field(pattern="^[0-9a-f]{32}$", examples=["5f" * 16])]
