"""The delivery of messages that outlive their case: names, and the forms of its input."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter

from contract.common import read_as
from domain.cases import CaseRef

MESSAGE_DELIVERY = "MessageDelivery"
"""The type of the workflow that delivers messages recorded after the workflow of their case ended.

Only the service's own client starts it.
"""


def delivery_workflow_id(case: str) -> str:
    """Return the only workflow id under which the messages of a case are delivered after its end."""
    return f"delivery:{case}"


SIGNAL_DELIVER = "deliver"
"""Signal to MessageDelivery: more messages are recorded."""

_CASE_ID = TypeAdapter[str](Annotated[str, AfterValidator(lambda case: CaseRef.parse(case).id)])
_LAST_MESSAGE = TypeAdapter[dict[str, int]](dict[str, Annotated[int, Field(strict=True, ge=0, lt=2**63)]])


def read_case_id(received: Sequence[Any]) -> str:
    """Return the id of a case, the input of MessageDelivery; raises InputMalformed."""
    return read_as(received, _CASE_ID.validate_python)


def read_last_message(received: Sequence[Any]) -> dict[str, int]:
    """Return the input of the signal ``deliver``: numbers of messages by the names of channels; raises InputMalformed."""
    return read_as(received, _LAST_MESSAGE.validate_python)
