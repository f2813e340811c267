"""The identity check: billing administrator, organization URL and name against the record.

What a workflow knows of the record is sealed: a salted digest of each point in the form that all its spellings share. It can hold
what somebody gives against that, and does not show what is on record; who reads it may still try guesses on it.
"""

import hashlib
from collections.abc import Callable, Collection
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

    def sealed(self, case: str) -> "Identity":
        """Return the identity of a record as the workflow of a case gets it; what is sealed stays as it is."""
        return Identity(
            **{point.value: sealed_point(point, getattr(self, point.value), case) for point in IDENTITY_POINTS}
        )


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


_SEAL = "sha256:"


def is_sealed(record: str) -> bool:
    """Return true if this is the digest of something on record."""
    return record.startswith(_SEAL)


def sealed_point(point: Question, record: str, case: str) -> str:
    """Return one point of a record's identity as the workflow of a case gets it: ``sha256:``, the case, and a digest."""
    return record if is_sealed(record) else _sealed(_SHARED_FORMS[point](record), case)


def same_address(given: str, record: str) -> bool:
    """Return true if two e-mail addresses, as people write them, are the same; case and outer spaces do not count."""
    return _same(given, record, _caseless)


def same_url(given: str, record: str) -> bool:
    """Return true if two organization URLs lead to the same organization.

    The scheme may be left out, a trailing slash and the case of the host do not count; the path does.
    """
    return _same(given, record, _shared_url)


def same_name(given: str, record: str) -> bool:
    """Return true if two unique names are the same; case and outer spaces do not count."""
    return _same(given, record, _caseless)


def _same(given: str, record: str, shared: Callable[[str], str]) -> bool:
    # What is given is taken as it is, whatever it looks like: a seal that somebody has seen must open nothing.
    if is_sealed(record):
        return _sealed(shared(given), record.split(":")[1]) == record
    return shared(given) == shared(record)


def _sealed(shared: str, case: str) -> str:
    return f"{_SEAL}{case}:{hashlib.sha256(f'{case}:{shared}'.encode()).hexdigest()}"


def _caseless(text: str) -> str:
    return text.strip().casefold()


def _shared_url(url: str) -> str:
    return "\n".join(canonical_url(url))


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


_SHARED_FORMS: dict[Question, Callable[[str], str]] = {
    Question.BILLING_ADMINISTRATOR: _caseless,
    Question.ORGANIZATION_URL: _shared_url,
    Question.ORGANIZATION_NAME: _caseless,
}
"""The form that all spellings of a point share."""
