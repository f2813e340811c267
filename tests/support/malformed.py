"""Messages that are not what they should be: of any JSON, and good ones with some of their parts replaced."""

import asyncio
import json
import os
import warnings
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisDeprecationWarning
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.service import RPCError, RPCStatusCode

from runtime.refusals import as_refusal

AT_ONCE = 8
"""As many requests at once as Temporal lets into a workflow, and a few less."""

PATIENCE = 60.0

MANY = int(os.environ.get("OFFRAMP_MALFORMED_MESSAGES", "100"))
"""The number of messages of each kind in the soak; `make soak-malformed` sends ten thousand and more in all."""

few = pytest.mark.parametrize(
    "number", [pytest.param(12, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.soak)]
)

IDENTITY = {"billing_administrator": "a@b.example", "organization_url": "https://b.example", "organization_name": "b"}

GOOD: dict[str, dict[str, Any]] = {
    "receive": {"actor": "a", "subscription": "S", "request_id": "r", "answers": {"data": "none"}, "reason": "why"},
    "answer": {"actor": "a", "answers": {"data": "none", "campaigns": "stop"}, "campaign_actions": {"C": "pause"}},
    "send_code": {"actor": "a"},
    "verify_code": {"actor": "a", "code": "1234-5678"},
    "attest": {"actor": "a", "attestation": {"reason": "by phone"}},
    "approve": {"actor": "a", "reason": "agreed"},
    "consent": {"actor": "a", "decision": "agreed", "link": "token", "attestation": {"reason": "by phone"}},
    "withdraw": {"actor": "a", "reason": "they stay"},
    "request_reversal": {"actor": "a", "identity": IDENTITY, "requested_at": "2026-12-22T14:59:00Z"},
    "acknowledge_stop": {"actor": "a", "campaign": "C"},
    "acknowledge_export": {"actor": "a", "export": "S/1"},
    "renew_export_link": {"actor": "a", "export": "S/1"},
    "credit_memo_posted": {"invoice": "INV-1"},
    "holds_changed": {},
    "line_taken_over": {"line": "L"},
    "migration_moved": {"stage": "requested", "waiting_for": "support", "deadline": "2026-12-22T14:59:00Z"},
    "accept": {"actor": "a", "cancellation": "S/1", "contact": "i@b.example", "transfer_at": "2026-12-22T14:59:00Z"},
    "correct": {"actor": "a", "cancellation": "S/1", "reason": "wrong", "transfer_again": True},
    "send_migration_link": {"actor": "a", "cancellation": "S/1"},
    "acknowledge_download": {"actor": "a", "cancellation": "S/1", "transfer": 1},
    "report_completed": {"actor": "a", "cancellation": "S/1"},
    "lines_done": {},
    "deliver": {"mail": 1, "webhook": 2},
}
"""A good message for every update and signal; its parts are replaced one by one."""

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "\x00", "a\x00b", "\ud800", "'; DROP TABLE", "9999-12-31", "0001-01-01", "9999-12-31T23:59:59-14:00",
                     "0001-01-01T00:00:00+14:00", "S/0", "S/1/2", "/1", "S/99999999999999999999", "a" * 3000, "NaN"]),
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from([10**30, -(10**30), 2**63, 1e308, -0.0]), TEXTS
)
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)


def arguments(good: Any) -> st.SearchStrategy[tuple[RawValue, ...]]:
    """Arguments for an update, a signal or a start: any, or nearly good ones."""
    close: st.SearchStrategy[Any] = nearly_good(good) if isinstance(good, dict) else st.just(good) | TEXTS
    nearly = close.map(lambda message: [message])
    return st.one_of(nearly, nearly, st.lists(ANY_JSON, max_size=2)).map(_encoded) | UNREADABLE


def samples(good: Any, number: int) -> list[tuple[RawValue, ...]]:
    """So many arguments, the same in every run."""
    found: list[tuple[RawValue, ...]] = []

    @settings(
        max_examples=number,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(arguments(good))
    def collect(sample: tuple[RawValue, ...]) -> None:
        found.append(sample)

    with warnings.catch_warnings():
        # The servers' threads use Python's own random numbers meanwhile, which hypothesis takes for a strategy's.
        warnings.simplefilter("ignore", HypothesisDeprecationWarning)
        collect()
    return found


def _encoded(messages: list[Any]) -> tuple[RawValue, ...]:
    """Messages as they are on the wire: half a character, and a number that is none, too."""
    return tuple(
        RawValue(Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(message).encode()))
        for message in messages
    )


@st.composite
def nearly_good(draw: st.DrawFn, good: dict[str, Any]) -> dict[str, Any]:
    """A good message with one to three of its parts replaced, removed or added."""
    message = dict(good)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.one_of(st.sampled_from([*message] or ["x"]), TEXTS))
        if isinstance(message.get(name), dict) and draw(st.booleans()):
            message[name] = draw(nearly_good(message[name]))
        elif draw(st.booleans()):
            message[name] = draw(ANY_JSON)
        else:
            message.pop(name, None)
    return message


UNREADABLE = st.builds(
    lambda encoding, data: (RawValue(Payload(metadata={"encoding": encoding}, data=data)),),
    st.sampled_from(
        [b"json/plain", b"json/protobuf", b"binary/plain", b"binary/null", b"binary/encrypted", b"fax", b""]
    ),
    st.one_of(
        st.binary(max_size=20), st.sampled_from([b"{broken", b'{"actor": "\\ud800"}', b'{"\\u0000": 1}', b"[" * 5000])
    ),
)


async def send_all(send: Callable[[tuple[RawValue, ...]], Awaitable[None]], good: Any, number: int) -> None:
    """Send samples, some at once."""
    waiting = samples(good, number)

    async def one_after_the_other() -> None:
        while waiting:
            await send(waiting.pop())

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


async def answered(handle: WorkflowHandle[Any, Any], name: str, arguments: Sequence[RawValue]) -> None:
    """Send an update, which is accepted or refused with a code; it may have ended the case just now."""
    try:
        async with asyncio.timeout(PATIENCE):
            await handle.execute_update(name, args=arguments, id=str(uuid4()))
    except WorkflowUpdateFailedError as failure:
        ended = getattr(failure.cause, "type", "") == "AcceptedUpdateCompletedWorkflow"
        if not ended and as_refusal(failure.cause) is None:
            raise AssertionError(f"{name} fails without a refusal: {arguments!s:.500}") from failure
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    except TimeoutError:
        raise AssertionError(f"{name} is not answered: {arguments!s:.500}") from None


async def ends(handle: WorkflowHandle[Any, Any], arguments: Sequence[RawValue]) -> None:
    """Wait for the end of a workflow, which is a refusal if it is a failure."""
    try:
        async with asyncio.timeout(PATIENCE):
            await handle.result()
    except WorkflowFailureError as failure:
        if as_refusal(failure.cause) is None:
            raise AssertionError(f"{handle.id} fails without a refusal: {arguments!s:.500}") from failure
    except TimeoutError:
        raise AssertionError(f"{handle.id} does not end: {arguments!s:.500}") from None
