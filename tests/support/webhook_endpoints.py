"""Webhook endpoints of a world, besides the one that its configuration may give."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from domain.system_tasks import Duty
from records.transaction import Transaction
from records.webhooks import endpoints
from tests.support.world import World

BY = "operator-1"


def add_endpoint(
    world: World,
    name: str,
    url: str,
    *,
    events: Sequence[str] = (),
    duties: Sequence[Duty] = (),
    owner: str | None = None,
) -> None:
    """Have an endpoint hear of some events; of everything, without any named."""
    with Transaction.begin(world.engine) as transaction:
        endpoints.add(
            transaction,
            name,
            url=url,
            events=tuple(events),
            duties=list(duties),
            owner=owner,
            secret="tests:1",
            actor=BY,
            at=datetime.now(UTC),
            request=str(uuid4()),
        )


def remove_endpoint(world: World, name: str) -> None:
    """Remove an endpoint, which cases of other tests would go on to write to."""
    with Transaction.begin(world.engine) as transaction:
        endpoints.remove(transaction, name, reason="a test", actor=BY, at=datetime.now(UTC), request=str(uuid4()))
