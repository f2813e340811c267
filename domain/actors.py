"""The actors of the audit trail that are nobody's identity: the service itself, its jobs, buttons and links.

What they did is told from what principals do by their names alone, so no principal may have one of them.
"""

from domain.vocabulary import person_key

THE_SERVICE = "offramp"
"""The actor of everything that the service does by itself."""
OPERATOR = "operator"
"""The actor of requests by the buttons of Temporal, which do not say who pressed them."""
RECONCILIATION = "reconciliation"
"""The actor of what a reconciliation does by itself."""
NIGHTLY_UPDATE = "nightly update"
"""The actor of the scheduled update of line dates."""
EXPORT_LINK = "billing administrator, by link"
"""The holder of the link that was mailed to the address on record."""
CONSENT_LINK = "marketing administrator, by link"
"""The holder of the link that was mailed to the marketing service's administrator."""
MIGRATION_LINK = "IT department, by link"
"""The holder of the link that was mailed to the contact that the queue named."""
DIRECTLY = "temporal:"
"""How the actors of requests begin that go to Temporal directly."""

_LONGEST = 100
"""The longest name of an actor, in characters."""

_RESERVED = frozenset(
    person_key(name)
    for name in (THE_SERVICE, OPERATOR, RECONCILIATION, NIGHTLY_UPDATE, EXPORT_LINK, CONSENT_LINK, MIGRATION_LINK)
)


def is_reserved(name: str) -> bool:
    """Return true for a name that no principal may have."""
    key = person_key(name)
    return key in _RESERVED or key.startswith(DIRECTLY)


def sent_directly(name: str) -> str:
    """Return the actor of a request that went to Temporal directly, in the name that it gives itself."""
    return f"{DIRECTLY}{name}"[:_LONGEST]


def is_sent_directly(actor: str) -> bool:
    """Return true for the actor of a request that went to Temporal directly: nobody knows who that was."""
    return person_key(actor).startswith(DIRECTLY)


def named_by(actor: str) -> str:
    """Return the name that an actor gives itself, also directly: for rules that ask whether two may be the same person."""
    return actor[len(DIRECTLY) :] if is_sent_directly(actor) else actor
