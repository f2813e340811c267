"""The chain of seals on the audit trail: how its heads are made, and what a verification finds."""

import hashlib
import re
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.refusals import Refusal
from domain.remedies import correct_input

NO_HEAD = "0" * 64
"""The head before the first seal."""

_HEAD = re.compile(r"([1-9]\d{0,17}):([0-9a-f]{64})")


class SealedHead(BaseModel):
    """The head of the chain as it is published: whoever keeps it can prove later that nothing before it was changed."""

    model_config = ConfigDict(frozen=True)

    seal: int
    """The number of the newest seal."""
    head: str
    sealed_at: datetime

    def __str__(self) -> str:
        """Return it as it is written down, and given to a verification."""
        return f"{self.seal}:{self.head}"


class HeadMalformed(Refusal):
    """A text that is not a published head."""

    code = "audit_head_malformed"

    def __init__(self, text: str) -> None:
        super().__init__(
            "That is not a head of the audit trail.",
            remedy=correct_input(
                "Write it as it was published: the number of the seal, a colon, 64 hexadecimal digits."
            ),
            head=text,
        )


class SealBroken(BaseModel):
    """A seal that does not fit what it seals."""

    model_config = ConfigDict(frozen=True)

    seal: int
    why: str


class AuditVerification(BaseModel):
    """What a verification of the audit trail found."""

    model_config = ConfigDict(frozen=True)

    seals: int
    entries: int
    """Those under a seal."""
    unsealed: int
    """Those that came since the newest seal."""
    newest: SealedHead | None
    broken: tuple[SealBroken, ...] = ()

    @property
    def holds(self) -> bool:
        """True if every seal fits."""
        return not self.broken


def head_after(before: str, number: int, entries: int, digest: str) -> str:
    """Return the head of the chain after a seal."""
    return hashlib.sha256(f"{before}:{number}:{entries}:{digest}".encode()).hexdigest()


def parse_head(text: str) -> tuple[int, str]:
    """Return the number and the head that a person has kept. Raises HeadMalformed."""
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise HeadMalformed(text)
    return int(found[1]), found[2]
