"""Migrations that have come to a stage: each returns its subscription."""

from datetime import timedelta

from tests.support.migrations import Migrations


async def requested(migrations: Migrations) -> str:
    subscription = migrations.organization()
    await migrations.requested(subscription)
    return subscription


async def scheduled(migrations: Migrations) -> str:
    subscription = await requested(migrations)
    await migrations.accepted(subscription, after=timedelta(days=1))
    return subscription


async def available(migrations: Migrations) -> str:
    subscription = await requested(migrations)
    await migrations.available(subscription)
    return subscription


async def downloaded(migrations: Migrations) -> str:
    subscription = await available(migrations)
    await migrations.acknowledged(subscription)
    return subscription
