"""What workflows that carry a case share: how they answer requests, verify who is asking, wait, and show where they stand."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from activities.verification import Verifier
    from contract.steps import Attested, CodeTried, RefusedRequest, Reminder, Step
    from domain.cancellation.lifecycle import AlreadyVerified
    from domain.civil_time import instant_in_words
    from domain.refusals import ForwardedRefusal, Refusal, RefusalDetails
    from domain.vocabulary import Event, Verification
    from runtime.refusals import as_application_error

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.notifier import Teller
    from workflows.common.steps import mailed, recorded

Asked = TypeVar("Asked", bound=contract.Request)
Status = TypeVar("Status")
Shown_co = TypeVar("Shown_co", covariant=True)

THE_SERVICE = "offramp"
"""The actor of what happens by itself."""


class CarriedCase(Protocol[Shown_co]):
    """The state of a case, as far as all kinds have it."""

    stage_deadline: datetime | None
    last_refusal: RefusalDetails | None

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def zone(self) -> str: ...  # noqa: D102
    def status(self, undelivered: tuple[str, ...]) -> Shown_co: ...  # noqa: D102
    def show(self, undelivered: tuple[str, ...]) -> None: ...  # noqa: D102
    def publish(self, undelivered: tuple[str, ...]) -> None: ...  # noqa: D102


Carried = TypeVar("Carried", bound=CarriedCase[Any])


class CaseCarrier(Generic[Carried, Status]):
    """Base of the workflows that carry a case, and their updates that verify the billing administrator."""

    def __init__(self) -> None:
        self._case: Carried | None = None
        self._teller = Teller("")
        self._refused_to_open: RefusalDetails | None = None
        self._verification_lock = asyncio.Lock()
        self._requests_received = 0

    def _check_verification_awaited(self) -> None:
        """Raise the refusal of a verification that comes at the wrong stage."""
        raise NotImplementedError

    @property
    def _verified_how(self) -> Verification | None:
        raise NotImplementedError

    def _take_verification(self, how: Verification) -> None:
        raise NotImplementedError

    @property
    def _subscription(self) -> str | None:
        """The subscription that the case is about, for the audit trail, where it is about one."""
        raise NotImplementedError

    @workflow.update(name=contract.UPDATE_SEND_CODE)
    async def send_code(self, *received: Any) -> Status:
        """Mail a one-time code to the billing administrator on record."""

        async def send(_: contract.SendCode, step: Step) -> None:
            self._check_verification_awaited()
            await mailed(Verifier.send_code, step, summary="mail a one-time code")

        return await self._answer_to(received, contract.SendCode, "send_code", send)

    @workflow.update(name=contract.UPDATE_VERIFY_CODE)
    async def verify_code(self, *received: Any) -> Status:
        """Verify the billing administrator by the code they received."""

        async def verify(message: contract.VerifyCode, step: Step) -> None:
            async with self._verification_lock:
                self._check_verification_awaited()
                tried = CodeTried(step=step, code=message.code)
                await recorded(Verifier.check_code, tried, summary="check a one-time code")
                self._take_verification(Verification.ONE_TIME_CODE)

        return await self._answer_to(received, contract.VerifyCode, "verify_code", verify)

    @workflow.update(name=contract.UPDATE_ATTEST)
    async def attest(self, *received: Any) -> Status:
        """Take an agent's word that the billing administrator is asking."""

        async def take(message: contract.Attest, step: Step) -> None:
            async with self._verification_lock:
                self._check_verification_awaited()
                if self._verified_how is not None:
                    raise AlreadyVerified(self.case.id)
                attested = Attested(step=step, because=message.attestation.reason)
                await recorded(Records.save_attestation, attested, summary="keep the attestation")
                self._take_verification(Verification.ATTESTATION)

        return await self._answer_to(received, contract.Attest, "attest", take)

    @workflow.query(name=contract.QUERY_STATUS)
    def status(self) -> Status | None:
        """Return where the case stands; nothing before it is open."""
        return self._status() if self._case else None

    @property
    def case(self) -> Carried:
        """The case, which is open whenever the story or a handler gets to work."""
        if self._case is None:
            raise RuntimeError("the case is not open yet")
        return self._case

    def _status(self) -> Status:
        status: Status = self.case.status(self._teller.undelivered)
        return status

    def _publish(self) -> None:
        self.case.publish(self._teller.undelivered)

    def _show(self) -> None:
        self.case.show(self._teller.undelivered)

    def _step(self, name: str, actor: str = THE_SERVICE, *, why: str | None = None) -> Step:
        return Step(cancellation=self.case.id, name=name, actor=actor, at=workflow.now(), why=why)

    async def _opened(self) -> None:
        if self._case is None:
            await workflow.wait_condition(lambda: self._case is not None or self._refused_to_open is not None)
        if self._refused_to_open is not None:
            raise as_application_error(ForwardedRefusal(self._refused_to_open))

    async def _answer_to(
        self,
        received: Sequence[Any],
        form: type[Asked],
        action: str,
        act: Callable[[Asked, Step], Awaitable[None]],
    ) -> Status:
        """Do what a message asks for; a refusal is audited and returned to the caller with its code."""
        await self._opened()
        self._requests_received += 1
        update = workflow.current_update_info()
        name = f"{action}:{update.id}" if update else f"{action}-{self._requests_received}"
        step = self._step(name, "unknown")
        try:
            message = contract.read(received, form)
            step = self._step(name, message.actor)
            await act(message, step)
        except Refusal as refusal:
            self.case.last_refusal = refusal.details
            refused = RefusedRequest(
                subscription=self._subscription,
                step=step.model_copy(update={"name": f"{name}:refused"}),
                action=f"{action}.refused",
                refusal=refusal.details,
            )
            await recorded(Records.record_refusal, refused, summary=f"keep the refused {action}")
            self._publish()
            raise as_application_error(refusal) from None
        self._publish()
        return self._status()

    async def _remind(self, event: Event, occasion: str) -> None:
        reminder = Reminder(step=self._step(occasion), event=event)
        self._teller.note((await recorded(Records.remind, reminder, summary=occasion)).last_message)

    async def _wait(
        self,
        done: Callable[[], bool],
        *,
        until: datetime | None = None,
        what: str = "",
        reminders: Sequence[tuple[datetime, Event, str]] = (),
    ) -> bool:
        """Wait until ``done``, at most until an instant, reminding on the way. Return whether it is done."""
        self.case.stage_deadline = until
        for at, event, occasion in sorted(reminders):
            if until is None or not workflow.now() < at < until:
                continue
            if await self._sleep(done, at, occasion.replace("-", " ")):
                return True
            await self._remind(event, occasion)
        return await self._sleep(done, until, what)

    async def _sleep(self, done: Callable[[], bool], until: datetime | None, what: str) -> bool:
        if done():
            return True
        timeout = None if until is None else until - workflow.now()
        if timeout is not None and timeout <= timedelta(0):
            return False
        self._publish()
        try:
            await workflow.wait_condition(done, timeout=timeout, timeout_summary=self._summary(what, until))
        except TimeoutError:
            return done()
        return True

    def _summary(self, what: str, until: datetime | None) -> str | None:
        return f"{what}: {instant_in_words(until, self.case.zone)}" if until is not None else None
