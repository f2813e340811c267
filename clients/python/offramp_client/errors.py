"""Errors: what the service refuses, with everything that is needed to act on it, and what is no answer of it."""

from collections.abc import Mapping

import httpx
from pydantic import ValidationError

from offramp_client.generated.models import Problem, ProblemDetails, Remedy


class OfframpError(Exception):
    """Base of every error of this package.

    Args:
        message: a sentence for people.
        request_id: the key of the request, under which it can be sent again; none for one that changes nothing.

    """

    def __init__(self, message: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class Refused(OfframpError):
    """A request that the service has refused, by a rule or because a part of it does not answer at the moment.

    Args:
        problem: the problem (RFC 9457) that the service has answered with.
        request_id: as of every error.

    """

    def __init__(self, problem: Problem, request_id: str | None) -> None:
        super().__init__(problem.detail or problem.title, request_id)
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable code of the refusal (docs/temporal.md, Refusals)."""
        return self.problem.code

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.problem.status

    @property
    def message(self) -> str:
        """The sentence about what was refused, without the way out."""
        return self.problem.title

    @property
    def values(self) -> Mapping[str, str]:
        """The facts of the refusal by name."""
        return self.problem.values

    @property
    def remedy(self) -> Remedy | None:
        """The way out; none where the message says it."""
        return self.problem.remedy

    @property
    def is_kept(self) -> bool:
        """True if the request is kept, and done as soon as it can be: nothing has to be sent again."""
        return self.problem.kept

    @property
    def problems(self) -> tuple[ProblemDetails, ...]:
        """What is wrong with each item of a document."""
        return self.problem.problems


class Unreachable(OfframpError):
    """A service that did not answer in time. A request may have arrived: it can be sent again under its key."""


class UnexpectedAnswer(OfframpError):
    """An answer that is none of the service: of something else in between, or of another version.

    Args:
        status: the status of the answer.
        request_id: as of every error.

    """

    def __init__(self, status: int, request_id: str | None = None) -> None:
        super().__init__(f"The answer with status {status} has no form that this version knows.", request_id)
        self.status = status


class WebhookRefused(OfframpError):
    """A webhook that is not known to come from the service, or comes too late to be its first delivery."""


def refusal(response: httpx.Response, request_id: str | None) -> Refused | UnexpectedAnswer:
    """Return the error that a response is."""
    try:
        return Refused(Problem.model_validate_json(response.content), request_id)
    except ValidationError:
        return UnexpectedAnswer(response.status_code, request_id)
