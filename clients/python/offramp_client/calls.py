"""Calls: one request to the service as data, and how its answer is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from offramp_client.errors import UnexpectedAnswer, refusal

T = TypeVar("T")
NOWHERE = ("", ".", "..")
"""What is no part of an address: the way to another one."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, which is the same however often it is sent."""

    method: str
    path: str
    answer: Any = None
    """The type of its answer: T."""
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    null: Sequence[str] = ()
    """The members of the body that are sent although they are null."""
    content: bytes | None = None
    """A document, sent byte for byte instead of a body."""
    expects: str | None = None
    request_id: str | None = None
    """The key under which the service knows the request again; none for one that changes nothing."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request, without the token."""
        found = {"accept": "application/json, application/problem+json"}
        if self.request_id is not None:
            found["idempotency-key"] = self.request_id
        if self.expects is not None:
            found["if-match"] = f'"{self.expects}"'
        if self.content is not None:
            found["content-type"] = "application/json"
        return found

    @property
    def parameters(self) -> dict[str, Any]:
        """The query, without what is not given."""
        return {name: to_jsonable_python(value) for name, value in self.query.items() if value is not None}

    @property
    def json(self) -> dict[str, Any] | None:
        """The body, without what is not given."""
        if self.body is None:
            return None
        return {name: _in_body(value) for name, value in self.body.items() if value is not None or name in self.null}

    def read(self, response: httpx.Response) -> T:
        """Return the answer that a response is.

        Raises:
            Refused, UnexpectedAnswer.

        """
        if not response.is_success:
            raise refusal(response, self.request_id)
        try:
            found: T = _adapter(self.answer).validate_json(response.content)
        except ValidationError as error:
            raise UnexpectedAnswer(response.status_code, self.request_id) from error
        return found


def path(template: str, **values: object) -> str:
    """Return a path with its values, each of them escaped whole.

    Raises:
        ValueError: a value is empty, or dots that lead to another address however they are escaped.

    """
    for name, value in values.items():
        if str(value) in NOWHERE:
            raise ValueError(f"{str(value)!r} is no {name}.")
    return template.format(**{name: quote(str(value), safe="") for name, value in values.items()})


def new_request_id() -> str:
    """Return a key that no other request has."""
    return str(uuid4())


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _in_body(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return to_jsonable_python(value)
