"""Tasks of systems: what a cancellation asks of every registered system beside this one, until it is confirmed.

A subscription is used in more places than this service knows: a shop, a data warehouse, a partner's portal. Access ends, comes
back and is erased there only when their systems do it. So each that has registered for it is asked, asked again, and in the
end escalated; until it confirms, access may still be on there, or data still be kept.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from domain.vocabulary import Event

ESCALATED_AFTER = 3
"""The number of times that a system is asked before its owner is notified as well."""


class Duty(StrEnum):
    """What a system has registered for."""

    ACCESS = "access"
    """It switches access to subscriptions off and on."""
    ERASURE = "erasure"
    """It keeps data of organizations, and erases it."""


class SystemTask(StrEnum):
    """A task of a system in one cancellation."""

    END_ACCESS = "end_access"
    RESTORE_ACCESS = "restore_access"
    ERASE = "erase"

    @property
    def duty(self) -> Duty:
        """The duty that it belongs to."""
        return Duty.ERASURE if self is SystemTask.ERASE else Duty.ACCESS

    @property
    def event(self) -> Event:
        """The event with which a system is asked for it."""
        return _EVENTS[self]

    @property
    def left_open(self) -> str:
        """What may be the case as long as it is not confirmed, in words."""
        return _LEFT_OPEN[self]


_EVENTS = {
    SystemTask.END_ACCESS: Event.ACCESS_END_REQUESTED,
    SystemTask.RESTORE_ACCESS: Event.ACCESS_RESTORED_REQUESTED,
    SystemTask.ERASE: Event.ERASURE_REQUESTED,
}
ASKED_OF_SYSTEMS = frozenset(_EVENTS.values())
"""The events that ask a system for its task, and go to that system alone, whatever else it hears of."""
_LEFT_OPEN = {
    SystemTask.END_ACCESS: "access may still be on",
    SystemTask.RESTORE_ACCESS: "access may still be off",
    SystemTask.ERASE: "data may still be kept",
}


class OpenTask(BaseModel):
    """A task that a system has not confirmed."""

    model_config = ConfigDict(frozen=True)

    system: str
    task: SystemTask
    requested_at: datetime

    @property
    def in_words(self) -> str:
        """What may be the case, and where: "access may still be on in crm"."""
        return f"{self.task.left_open} in {self.system}"


class SystemTaskFacts(BaseModel):
    """The facts of a message about the task of one system."""

    model_config = ConfigDict(frozen=True)

    system: str
    task: SystemTask
    requested_at: datetime
    reminder: int = 0
    """How often the system was asked before."""


class SystemErasure(BaseModel):
    """What a system has to do with an erasure, as a certificate says it."""

    model_config = ConfigDict(frozen=True)

    system: str
    requested_at: datetime
    confirmed_at: datetime | None = None
    """Null as long as data may still be kept there."""


class SystemTaskUnknown(Refusal):
    """A confirmation of what a system was not asked for."""

    code = "system_task_unknown"

    def __init__(self, cancellation: str, system: str, task: SystemTask) -> None:
        super().__init__(
            f"The system {system} was not asked for {task} in {cancellation}.",
            remedy=correct_input("Give the system, the task and the cancellation of the message that asked for it."),
            cancellation=cancellation,
            system=system,
            task=task,
        )


class SystemTaskSuperseded(Refusal):
    """A confirmation of what is asked for no longer, because the contrary was asked for meanwhile."""

    code = "system_task_superseded"

    def __init__(self, cancellation: str, system: str, task: SystemTask) -> None:
        super().__init__(
            f"The system {system} is no longer asked for {task} in {cancellation}: the cancellation was reversed meanwhile.",
            remedy=Remedy.of(RemedyKind.SHOW_CANCELLATION, cancellation=cancellation),
            cancellation=cancellation,
            system=system,
            task=task,
        )


class ConfirmerUnknown(Refusal):
    """A confirmation by somebody whom no door of the service knows: no certificate rests on their word."""

    code = "confirmer_unknown"

    def __init__(self, system: str, actor: str) -> None:
        super().__init__(
            f"The confirmation came to Temporal directly, and nobody knows that {actor} is the system {system}. A system confirms "
            "with a token of its own.",
            remedy=correct_input(
                "Confirm over the HTTP API, with a token of the role system whose subject is the name of the system."
            ),
            system=system,
            actor=actor,
        )


class SystemTaskOfAnother(Refusal):
    """A confirmation by one system of what another was asked for."""

    code = "system_task_of_another"

    def __init__(self, system: str, subject: str) -> None:
        super().__init__(
            f"The principal {subject} cannot confirm for the system {system}: a system confirms under its own name.",
            remedy=Remedy.of(RemedyKind.ASK_PRINCIPAL_ADMINISTRATOR),
            system=system,
            subject=subject,
        )
