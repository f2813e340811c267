"""The findings of one slice, no more of them than Temporal takes in a payload."""

from dataclasses import dataclass, field

from contract.steps import SliceOutcome, Suspect
from domain.reconciliation import Finding

LISTED = 500
"""The number of findings after which a slice ends."""


@dataclass
class Found:
    """The findings of one slice so far."""

    looked_at: int = 0
    findings: list[Finding] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)

    unlisted: int = 0

    @property
    def is_full(self) -> bool:
        """True if a slice with more findings might exceed the size that Temporal takes."""
        return len(self.findings) >= LISTED or len(self.suspects) >= LISTED

    def outcome(self, after: str | None = None) -> SliceOutcome:
        """Return it as the outcome of the slice."""
        return SliceOutcome(
            looked_at=self.looked_at,
            findings=tuple(self.findings),
            unlisted=self.unlisted,
            suspects=tuple(self.suspects[: 2 * LISTED]),  # the next reconciliation looks at the rest
            after=after,
        )

    def add(self, findings: list[Finding], suspect: Suspect | None = None) -> None:
        """Add what one subject showed."""
        self.looked_at += 1
        room = max(0, 2 * LISTED - len(self.findings))
        self.findings += findings[:room]
        self.unlisted += len(findings[room:])
        self.suspects += [suspect] if suspect is not None else []
