"""Types that several parts of the API share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...core.names import SLUG
from ..errors import BadRequest


class Shape(BaseModel):
    """What comes in: unknown fields are errors, and so are values of another type, such as `true` for a number."""

    model_config = ConfigDict(extra="forbid", strict=True)


S = TypeVar("S", bound=Shape)


def body(shape: type[S]) -> Any:
    """For a parameter after those that check credentials: FastAPI reads a body of its own kind before anything else.

    The parser does not recurse, and reads UTF-8 alone.
    """

    async def read(request: Request) -> S:
        media = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if media != "application/json":
            raise BadRequest("The body is not JSON.", "Send it as application/json.")
        try:
            return shape.model_validate_json(await request.body())
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None

    reader: Callable[[Request], Awaitable[S]] = read
    return Depends(reader)


def takes(shape: type[Shape]) -> dict[str, Any]:
    """For `openapi_extra` of a route that has such a parameter."""
    content = {"application/json": {"schema": shape.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


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


# Terminals will show these texts: no control characters, none that turn the direction of what follows, not only blanks.
_UNSAFE = r"\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069"
_TEXT = rf"^[^{_UNSAFE}]*[^{_UNSAFE}\s][^{_UNSAFE}]*$"
Line = Annotated[str, Field(min_length=1, max_length=100, pattern=_TEXT)]
Sentence = Annotated[str, Field(min_length=1, max_length=500, pattern=_TEXT)]
Days = Annotated[int, Field(ge=1, le=36500)]
Slug = Annotated[str, Field(pattern=f"^{SLUG.pattern}$", max_length=40, examples=["myapp"])]
Installation = Annotated[str, Field(pattern="^[0-9a-f]{32}$", examples=["5f" * 16])]
