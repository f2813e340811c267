"""The marks of a request: those by which it is recognized again (its id, a digest of its content, the case that it names), and
what a door of the service signs, so that its actor is taken at their word."""

import hashlib
import json

from contract.common import AboutCase, Request, Signed
from contract.export import AcknowledgeExport, RenewExportLink

_NOT_CONTENT = {"sent_at", "requested_at", "request_id", "cancellation", "export", "signature"}
"""The fields in which a repetition may differ: its instants, its id, its signature, and the case, which a caller need not name."""

START = "start"
"""Stands for the name of an update in the claim of a message that starts a workflow."""


def digest_of(name: str, message: Request) -> str:
    """Return a digest of the content of a request, the same for every repetition, also by a later version.

    Fields that have their default are left out, so that a new optional field changes no digest.
    """
    return _digest(name, message.model_dump(mode="json", exclude=_NOT_CONTENT, exclude_defaults=True))


def claim_of(workflow_id: str, name: str, request_id: str, message: Signed) -> str:
    """Return what a door signs: a digest of everything in a message, and of the place that it goes to.

    So a signature is good for one request to one workflow, under one id, and with its own instants. ``name`` is that of the
    update, or `START`.
    """
    content = message.model_dump(mode="json", exclude={"signature"}, exclude_defaults=True)
    return _digest(workflow_id, name, request_id, content)


def _digest(*parts: object) -> str:
    written = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def named_case(message: Request) -> str | None:
    """Return the case that a request names, if it names one."""
    if isinstance(message, AcknowledgeExport | RenewExportLink):
        return message.export
    return message.cancellation if isinstance(message, AboutCase) else None
