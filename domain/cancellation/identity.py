"""The identity check: billing administrator, organization URL and name against the record."""

from collections.abc import Collection
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from domain.refusals import Refusal
from domain.remedies import correct_input
from domain.vocabulary import Question


class Identity(BaseModel):
    """The information that a cancellation and its reversal must both give (rules, section 8)."""

    model_config = ConfigDict(frozen=True)

    billing_administrator: str
    organization_url: str
    organization_name: str


IDENTITY_POINTS = (Question.BILLING_ADMINISTRATOR, Question.ORGANIZATION_URL, Question.ORGANIZATION_NAME)


class IdentityMismatch(Refusal):
    """Information that does not match the record.

    The refusal names which of the three differ, but not the values on record, so that they cannot be found by trying.
    """

    code = "identity_mismatch"

    def __init__(self, questions: tuple[Question, ...]) -> None:
        named = ", ".join(question.value.replace("_", " ") for question in questions)
        super().__init__(
            f"The {named} given does not match our records.",
            remedy=correct_input(
                "Give the billing administrator's address, the organization's URL and its unique name as on record."
            ),
            questions=",".join(questions),
        )


def same_address(one: str, other: str) -> bool:
    """Return true if two e-mail addresses, as people write them, are the same; case and outer spaces do not count."""
    return one.strip().casefold() == other.strip().casefold()


def same_url(one: str, other: str) -> bool:
    """Return true if two organization URLs lead to the same organization.

    The scheme may be left out, a trailing slash and the case of the host do not count; the path does.
    """
    return canonical_url(one) == canonical_url(other)


def same_name(one: str, other: str) -> bool:
    """Return true if two unique names are the same; case and outer spaces do not count."""
    return one.strip().casefold() == other.strip().casefold()


def mismatches(given: Identity, record: Identity) -> tuple[Question, ...]:
    """Return the points, of the three, that differ, in the order of the checklist."""
    differing = []
    if not same_address(given.billing_administrator, record.billing_administrator):
        differing.append(Question.BILLING_ADMINISTRATOR)
    if not same_url(given.organization_url, record.organization_url):
        differing.append(Question.ORGANIZATION_URL)
    if not same_name(given.organization_name, record.organization_name):
        differing.append(Question.ORGANIZATION_NAME)
    return tuple(differing)


def check_identity_then_or_now(given: Identity, then: Identity, now: Identity) -> tuple[Question, ...]:
    """Hold the identity of a reversal against that of its cancellation and that on record now, point by point.

    Returns:
        The points that are as on record now and not as in the cancellation.

    Raises:
        IdentityMismatch: at least one point is neither.

    """
    changed = mismatches(given, then)
    if neither := tuple(question for question in mismatches(given, now) if question in changed):
        raise IdentityMismatch(neither)
    return changed


def matches_in_words(on_record_now: Collection[Question]) -> dict[str, str]:
    """Return for the audit trail what each point of a reversal's identity matched."""
    return {
        point.value: "as on record now" if point in on_record_now else "as in the cancellation"
        for point in IDENTITY_POINTS
    }


def check_identity(given: Identity, record: Identity) -> None:
    """Raise IdentityMismatch unless all three points match."""
    if differing := mismatches(given, record):
        raise IdentityMismatch(differing)


def canonical_url(url: str) -> tuple[str, str]:
    """Return the form that all URLs of the same organization share (see `same_url`)."""
    text = url.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:  # for example an unclosed IPv6 bracket: matches nothing but itself
        return ("", text)
    return (parts.netloc.casefold().rstrip("."), parts.path.rstrip("/"))
