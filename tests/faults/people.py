"""The people of one life: they start its cases, answer, change their minds, and remember what they were promised."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import psycopg
from sqlalchemy.exc import DBAPIError

from contract import Attestation, StartCancellation
from domain.marketing import MarketingStage
from domain.vocabulary import Stage
from starter.service import Offramp
from storage.tenants.refusals import TenantDatabaseUnavailable
from tests.faults.board import Board, Seen
from tests.faults.caller import Caller, Gone
from tests.faults.mails import Mails
from tests.faults.site import Site
from tests.faults.zones import NOON

Value = TypeVar("Value")

AGENT = "agent-7"
SECOND_PERSON = "manager-2"
CALLED = "called back on the number on file"
LATE = frozenset({"cancellation_ended", "withdrawal_too_late", "reversal_window_over", "nothing_to_reverse"})
"""The refusals of somebody who changes their mind at the wrong time."""

REASON = re.compile(r"Reason: (\w+)")

POLICY = {
    "intake_timeout": "PT30M",
    "intake_reminders": ["PT15S"],
    "effect_reminder": "PT5S",
    "reversal_window": "PT45S",
    "reversal_reminder": "PT10S",
    "acknowledgement_reminder": "PT20S",
    "migration_reminder": "PT20S",
    "migration_escalation": "PT40S",
    "migration_limit": "PT30M",
    "transfer_reminder": "PT30S",
    "transfer_escalation": "PT60S",
    "consent_timeout": "PT30M",
    "consent_reminders": ["PT15S"],
    "ad_centre_reminder": "PT20S",
    "code_attempts": 10,
}
"""Months in seconds."""


@dataclass
class People:
    """Everybody who has to do with one subscription."""

    site: Site
    board: Board
    mails: Mails
    caller: Caller
    chance: random.Random
    life: str
    promised: dict[str, frozenset[str]] = field(default_factory=dict)
    """The stages in which each of their cases may end, by what they were answered."""
    subscription: str = ""
    _requests: int = 0

    @property
    def service(self) -> Offramp:
        """The service as they reach it."""
        return self.site.service

    @property
    def case(self) -> str:
        """Their newest case."""
        return list(self.promised)[-1]

    async def settle(self, *, zone: str = NOON, policy: dict[str, Any] | None = None, **fields: Any) -> None:
        """Become customers, with an organization of their own."""
        population = self.site.population
        self.subscription = await self.arrange(
            population.subscription, zone=zone, policy={**POLICY, **(policy or {})}, **fields
        )

    async def arrange(self, do: Callable[..., Value], *arguments: Any, **fields: Any) -> Value:
        """Do something to the population, or look it up, past the service; again until the database answers."""
        while True:
            try:
                return await asyncio.to_thread(do, *arguments, **fields)
            except (DBAPIError, psycopg.Error, TenantDatabaseUnavailable):
                await asyncio.sleep(1)

    async def ask(
        self,
        name: str,
        send: Callable[[str], Awaitable[Any]],
        *,
        may_refuse: Iterable[str] = (),
    ) -> str | None:
        """Send a request with an id of its own, until it is answered; return the code of the refusal, if it is one."""
        self._requests += 1
        request_id = f"{self.life}-{self._requests}"
        refusal = await self.caller.ask(name, lambda: send(request_id))
        if refusal is not None and refusal.code not in may_refuse:
            self.caller.report(f"{self.life} {name}: {refusal.code}: {refusal.message}")
        return refusal.code if refusal else None

    async def start(self, *, complete: bool = True, in_days: int = 0, number: int = 1, **others: Any) -> None:
        """Start a cancellation; it may end in any way, as long as nothing else is asked."""
        population = self.site.population
        start: dict[str, Any] = {"subscription": self.subscription, "actor": AGENT, **others}
        if complete:
            day = await self.arrange(population.today, self.subscription) + timedelta(days=in_days)
            answers = await self.arrange(population.answers, self.subscription, terminate_on=day)
            start["answers"] = {**answers, **others.get("answers", {})}
            start["attestation"] = Attestation(reason=CALLED)
        self.promised[f"{self.subscription}/{number}"] = frozenset({Stage.CLOSED.value})
        await self.ask(
            "start", lambda request: self.service.cancellations.start(StartCancellation(**start, request_id=request))
        )

    async def withdraw(self) -> None:
        """Change their minds before the effect."""
        code = await self.ask(
            "withdraw",
            lambda request: self.service.cancellations.withdraw(
                self.subscription, actor=AGENT, reason="the customer called again", request_id=request
            ),
            may_refuse=LATE,
        )
        if code is None:
            self.promised[self.case] = frozenset({Stage.WITHDRAWN.value})

    async def reverse(self) -> None:
        """Change their minds after the effect."""
        identity = await self.arrange(self.site.population.identity, self.subscription)
        code = await self.ask(
            "reverse",
            lambda request: self.service.cancellations.reverse(
                self.subscription, identity, actor=AGENT, reason="we found the budget", request_id=request
            ),
            may_refuse=LATE,
        )
        if code is None:
            self.promised[self.case] = frozenset({Stage.REVERSED.value})

    async def until(self, *stages: Stage) -> Seen:
        """Wait until the newest case is, or was, at one of these stages."""
        wanted = {stage.value for stage in stages} | {stage.value for stage in Stage if stage.is_final}
        return await self.board.until(self.case, lambda seen: seen.stage in wanted)

    async def ended(self) -> None:
        """Wait until every case of theirs has ended."""
        for case in self.promised:
            kind = MarketingStage if "/marketing/" in case else Stage
            final = {stage.value for stage in kind if stage.is_final}
            await self.board.until(case, lambda seen, final=final: seen.stage in final)  # type: ignore[misc]

    async def press(self, link: str, button: str) -> str | None:
        """Press a button of the page behind a link of a mail, until it answers."""

        async def pressed(_: str) -> None:
            async with httpx.AsyncClient(trust_env=False, timeout=40) as browser:
                answer = await browser.post(f"{link}/{button}")
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                raise Gone
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise RuntimeError(f"{button}: {answer.status_code}: {answer.text[:200]}")
            if answer.status_code != httpx.codes.OK:
                self.caller.report(f"{self.life} {button}: {answer.status_code}: {REASON.findall(answer.text)}")

        return await self.ask(button, pressed)
