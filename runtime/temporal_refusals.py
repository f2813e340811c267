"""Failed calls to Temporal as refusals: one for each thing that a caller can do about them."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.client import Client, RPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.temporal import TemporalUnavailable, connection_failure

_LATE = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
_DENIED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
_REFUSED = (
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.ALREADY_EXISTS,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.OUT_OF_RANGE,
    RPCStatusCode.UNIMPLEMENTED,
)
_BROKE_OFF = "transport error"
"""The words of the SDK's core for a connection that was lost in the middle of a call, which have no status of their own."""


class TemporalBusy(Refusal):
    """A call that Temporal did not take, because it has as many as it can or may handle."""

    code = "temporal_busy"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Temporal at {address} takes no more requests at the moment: {_clause(reason)}.",
            remedy=Remedy.of(RemedyKind.REPEAT_LATER),
            address=address,
        )


class TemporalDenied(Refusal):
    """A call for which Temporal did not accept the credentials of this process."""

    code = "temporal_denied"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Temporal at {address} does not allow this: {_clause(reason)}.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="TEMPORAL_API_KEY",
                expected="a key, or TEMPORAL_TLS_… to a certificate, that may use the namespace",
            ),
            address=address,
        )


class NamespaceUnknown(Refusal):
    """The configured namespace, which Temporal does not have."""

    code = "namespace_unknown"

    def __init__(self, namespace: str) -> None:
        super().__init__(
            f"Temporal has no namespace {namespace}.",
            remedy=Remedy.of(RemedyKind.CREATE_NAMESPACE, namespace=namespace, variable="TEMPORAL_NAMESPACE"),
            namespace=namespace,
        )


class TemporalFailed(Refusal):
    """A call that failed inside Temporal."""

    code = "temporal_failed"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Temporal at {address} failed to do this: {_clause(reason)}.",
            remedy=Remedy.of(RemedyKind.REPEAT_LATER),
            address=address,
        )


class TemporalRefused(Refusal):
    """A call that Temporal refuses however often it is repeated."""

    code = "temporal_refused"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Temporal at {address} refuses this: {_clause(reason)}.",
            remedy=Remedy.of(RemedyKind.REPORT_DEFECT),
            address=address,
        )


class NothingThere(Exception):  # noqa: N818 - an answer, not a fault
    """Temporal's answer that it has nothing under the id that a call names, or nothing that still runs."""


@contextmanager
def refusing_temporal_errors(client: Client) -> Iterator[None]:
    """Turn whatever a call to Temporal fails with into what the caller can act on.

    Raises:
        NothingThere: there is no such workflow or schedule.
        TimeoutError: there was no answer in time.
        TemporalUnavailable, TemporalBusy, TemporalDenied, NamespaceUnknown, TemporalFailed, TemporalRefused.

    """
    address = client.service_client.config.target_host
    try:
        yield
    except RPCTimeoutOrCancelledError:
        raise TimeoutError from None
    except RPCError as error:
        if error.status in _LATE:
            raise TimeoutError from None
        if error.status is RPCStatusCode.NOT_FOUND and not is_namespace_unknown(error):
            raise NothingThere from None
        raise refusal_of(error, address=address, namespace=client.namespace) from None
    except RuntimeError as error:  # of the SDK's core, above all of a lazy connection in its first call
        raise TemporalUnavailable(address, connection_failure(error)) from None


def refusal_of(error: RPCError, *, address: str, namespace: str) -> Refusal:
    """Return the refusal that a failed call amounts to, whatever its status."""
    status, reason = error.status, error.message
    if is_namespace_unknown(error):
        return NamespaceUnknown(namespace)
    if status is RPCStatusCode.RESOURCE_EXHAUSTED:
        too_large = "larger than max" in reason  # gRPC has the same status for a message over its limit
        return TemporalRefused(address, reason) if too_large else TemporalBusy(address, reason)
    if status in _DENIED:
        return TemporalDenied(address, reason)
    broke_off = status is RPCStatusCode.UNKNOWN and reason == _BROKE_OFF
    if broke_off or status in (*_LATE, RPCStatusCode.UNAVAILABLE):
        return TemporalUnavailable(address, reason)
    if status in _REFUSED:
        return TemporalRefused(address, reason)
    return TemporalFailed(address, f"{status.name.lower()}, {reason}")


def is_namespace_unknown(error: RPCError) -> bool:
    """Return true if a call failed because its namespace does not exist, and not what it is about."""
    return error.status is RPCStatusCode.NOT_FOUND and error.message.startswith("Namespace")


def _clause(reason: str) -> str:
    """Return Temporal's own sentence as the end of one of ours."""
    first = (reason.strip().splitlines() or [""])[0]
    return first.rstrip(". ,") or "no reason given"
