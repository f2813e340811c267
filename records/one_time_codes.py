"""One-time codes: stored as salted hashes, short-lived, with a limited number of attempts (rules, section 8)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from contract.sealing import sealed_code
from contract.steps import Step
from domain.cancellation.verification import (
    AlreadyVerified,
    CodeAttemptsExhausted,
    CodeExpired,
    CodeWrong,
    NoCodeSent,
    TooManyCodes,
)
from domain.cases import CaseKind
from domain.limits import Limited
from domain.refusals import Refusal
from domain.vocabulary import Verification
from records import audit, cases, limits
from records.transaction import Transaction
from storage.tables import CASE_TABLES, CaseRow

CODE_DIGITS = 6


@dataclass(frozen=True)
class FreshCode:
    """A one-time code on its way to the billing administrator. Never stored or logged in this form."""

    code: str
    number: int
    salt: str
    recipient: str
    organization_name: str
    time_zone: str
    expires_at: datetime
    kind: CaseKind = CaseKind.SUBSCRIPTION
    """The kind of the case for which the code verifies the administrator."""

    def __repr__(self) -> str:
        """Return the number of the code, and nothing else of it."""
        return f"FreshCode(number={self.number})"


def fresh_code(transaction: Transaction, step: Step) -> FreshCode:
    """Make a code and store its hash; repeating the step replaces the code, which may never have been sent.

    Raises:
        AlreadyVerified, TooManyCodes, LimitReached, and the refusal of a case that has ended.

    """
    session = transaction.session
    locked = cases.lock(transaction, step.cancellation)
    locked.refuse_if_ended()
    case, organization, policy = locked.row, locked.organization, locked.policy
    codes = CASE_TABLES[step.case.kind].code
    if case.verified_by is not None:
        raise AlreadyVerified(case.id)
    code, salt = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}", secrets.token_hex(16)
    expires_at = step.at + policy.code_lifetime
    row = session.scalar(select(codes).where(codes.request == step.key))
    if row is None:
        sent = session.scalar(select(func.count()).select_from(codes).where(codes.cancellation == case.id))
        if sent is not None and sent >= policy.code_attempts:
            raise TooManyCodes(case.id, sent)
        row = codes(cancellation=case.id, number=(sent or 0) + 1, request=step.key)
        session.add(row)
    row.salt, row.code_hash, row.expires_at, row.attempts = (
        salt,
        _hashed(sealed_code(step.case.subject, code), salt),
        expires_at,
        0,
    )
    after = {"number": row.number, "expires_at": expires_at.isoformat()}
    audit.record_step(transaction, "code.sent", step, after=after)
    if (reached := limits.use_for(transaction, Limited.CODES, locked, step)) is not None:
        raise reached
    return FreshCode(
        code=code,
        number=row.number,
        salt=salt,
        recipient=locked.billing_administrator,
        organization_name=organization.unique_name,
        time_zone=locked.zone,
        expires_at=expires_at,
        kind=step.case.kind,
    )


def check_code(transaction: Transaction, step: Step, code: str) -> Refusal | None:
    """Verify the billing administrator by the newest code, counting the attempt.

    Returns the refusal instead of raising it: the attempt must be committed although it failed. A repetition of the step
    counts nothing again and gives the same answer.
    """
    session = transaction.session
    locked = cases.lock(transaction, step.cancellation)
    case, codes = locked.row, CASE_TABLES[step.case.kind].code
    if case.verified_by is not None:
        again = audit.after_of(session, step.key) is not None
        return None if again else AlreadyVerified(case.id)
    locked.refuse_if_ended()
    row = session.scalar(
        select(codes).where(codes.cancellation == case.id).order_by(codes.number.desc()).limit(1).with_for_update()
    )
    if row is None:
        return NoCodeSent(case.id)
    allowed = locked.policy.code_attempts
    if row.attempts >= allowed and audit.after_of(session, f"{step.key}:tried") is None:
        return CodeAttemptsExhausted(case.id, allowed)
    if (reached := limits.use_for(transaction, Limited.TRIES, locked, step)) is not None:
        return reached
    attempt = row.attempts + 1
    after = {"number": row.number, "attempt": attempt}
    if audit.record_step(transaction, "code.tried", step, "tried", after=after):
        row.attempts = attempt
    else:
        attempt = (audit.after_of(session, f"{step.key}:tried") or {}).get("attempt", attempt)
    if attempt > allowed:
        return CodeAttemptsExhausted(case.id, allowed)
    if step.at >= row.expires_at:
        return CodeExpired(case.id, row.expires_at, locked.zone)
    if not secrets.compare_digest(_hashed(sealed_code(step.case.subject, code), row.salt), row.code_hash):
        return CodeWrong(case.id, allowed - attempt) if attempt < allowed else CodeAttemptsExhausted(case.id, allowed)
    row.used_at = step.at
    limits.wanted(transaction, step)
    save_verification(transaction, case, Verification.ONE_TIME_CODE, step, None)
    return None


def save_verification(transaction: Transaction, case: CaseRow, how: Verification, step: Step, why: str | None) -> None:
    """Record the way in which the billing administrator was verified, the actor, and the reason for an attestation."""
    case.verified_by = how.value
    audit.record_step(transaction, "billing_administrator.verified", step, after={"verified_by": how.value}, why=why)


def attest(transaction: Transaction, step: Step, because: str) -> None:
    """Record an agent's attestation that the request comes from the billing administrator.

    Raises:
        AlreadyVerified, and the refusal of a case that has ended.

    """
    case = cases.lock(transaction, step.cancellation)
    if audit.after_of(transaction.session, step.key) is not None:
        return
    case.refuse_if_ended()
    if case.row.verified_by is not None:
        raise AlreadyVerified(case.row.id)
    save_verification(transaction, case.row, Verification.ATTESTATION, step, because)


def _hashed(sealed: str, salt: str) -> str:
    # Six digits are few: scrypt makes trying them all against a stolen table slow; the limit of attempts makes it
    # impossible against us.
    return hashlib.scrypt(sealed.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()
