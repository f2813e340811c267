"""The marks by which a request is recognized again: its id, a digest of its content, and the case that it names."""

import hashlib
import json

from contract.common import AboutCase, Request
from contract.export import AcknowledgeExport, RenewExportLink

_NOT_CONTENT = {"sent_at", "requested_at", "request_id", "cancellation", "export"}
"""The fields in which a repetition may differ: its instants, its id, and the case, which a caller need not name."""


def digest_of(name: str, message: Request) -> str:
    """Return a digest of the content of a request, the same for every repetition, also by a later version.

    Fields that have their default are left out, so that a new optional field changes no digest.
    """
    content = message.model_dump(mode="json", exclude=_NOT_CONTENT, exclude_defaults=True)
    written = json.dumps([name, content], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def named_case(message: Request) -> str | None:
    """Return the case that a request names, if it names one."""
    if isinstance(message, AcknowledgeExport | RenewExportLink):
        return message.export
    return message.cancellation if isinstance(message, AboutCase) else None
