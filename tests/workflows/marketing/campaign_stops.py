"""Cancellations that stop campaigns, and what was mailed about them."""

from datetime import timedelta
from typing import Any

import contract
from domain.marketing import Consent, ConsentDecision
from domain.vocabulary import Stage
from tests.support.world import AGENT, World, eventually

RUNNING = {"A-1": "running", "A-2": "running", "A-3": "paused"}


CALLED = "called back on the number on file"


A_WHILE = timedelta(days=40)


async def asked_to_stop(world: World, subscription: str, **fields: Any) -> contract.CancellationStatus:
    """Start a cancellation that stops the campaigns, effective after a while."""
    day = world.today(subscription) + A_WHILE
    answers = world.answers(subscription, terminate_on=day, campaigns="stop")
    return await world.start(subscription, answers=answers, **fields)


async def consent_awaited(world: World, subscription: str, **fields: Any) -> contract.CancellationStatus:
    await asked_to_stop(world, subscription, **fields)
    await eventually(lambda: consent_is(world, subscription, Consent.ASKED))
    return await world.service.status(subscription)


async def consent_is(world: World, subscription: str, consent: Consent | None) -> bool:
    return (await world.service.status(subscription)).marketing_consent is consent


async def stage_is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def agree(
    world: World, subscription: str, decision: str = "agreed", *, request_id: str | None = None
) -> contract.CancellationStatus:
    return await world.service.consent(
        subscription, ConsentDecision(decision), actor=AGENT, because=CALLED, request_id=request_id
    )


def mailed(world: World, subscription: str, occasion: str) -> list[tuple[str, str]]:
    """To whom what was mailed on an occasion, with its text."""
    return [
        (str(mail["To"]), " ".join(world.mailbox.text_of(mail).split()))
        for mail in world.mailbox.of(subscription)
        if f"/{occasion}" in str(mail["Message-ID"]).replace("%2E", ".")
    ]


async def the_mail(world: World, subscription: str, occasion: str) -> tuple[str, str]:
    """The only mail on an occasion, as soon as it is there."""
    await eventually(lambda: was_mailed(world, subscription, occasion))
    [mail] = mailed(world, subscription, occasion)
    return mail


async def was_mailed(world: World, subscription: str, occasion: str, times: int = 1) -> bool:
    return len(mailed(world, subscription, occasion)) == times
