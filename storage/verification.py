"""One-time codes: kept as salted hashes, short-lived, with a limited number of tries (rules, section 8)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.errors import Refusal
from domain.lifecycle import AlreadyVerified, CodeAttemptsExhausted, CodeExpired, CodeWrong, NoCodeSent, TooManyCodes
from domain.vocabulary import Verification
from storage import audit
from storage.cases import Step, hold_case, save_verification
from storage.tables import VerificationCodeRow

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

    def __repr__(self) -> str:
        """Show nothing of the code."""
        return f"FreshCode(number={self.number})"


def fresh_code(session: Session, step: Step) -> FreshCode:
    """Make a code and keep its hash; repeating the step replaces the code that may never have been sent.

    Raises:
        AlreadyVerified, TooManyCodes.

    """
    held = hold_case(session, step.cancellation)
    case = held.row
    if case.verified_by is not None:
        raise AlreadyVerified(case.id)
    organization, policy = held.organization, held.policy
    code, salt = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}", secrets.token_hex(16)
    expires_at = step.at + policy.code_lifetime
    row = session.scalar(select(VerificationCodeRow).where(VerificationCodeRow.request == step.key))
    if row is None:
        sent = session.scalar(
            select(func.count()).select_from(VerificationCodeRow).where(VerificationCodeRow.cancellation == case.id)
        )
        if sent is not None and sent >= policy.code_attempts:
            raise TooManyCodes(sent)
        row = VerificationCodeRow(cancellation=case.id, number=(sent or 0) + 1, request=step.key)
        session.add(row)
    row.salt, row.code_hash, row.expires_at, row.attempts = salt, _hashed(code, salt), expires_at, 0
    audit.record(
        session,
        "code.sent",
        actor=step.actor,
        at=step.at,
        step=step.key,
        subscription=case.subscription,
        cancellation=case.id,
        after={"number": row.number, "expires_at": expires_at.isoformat()},
    )
    return FreshCode(
        code=code,
        number=row.number,
        salt=salt,
        recipient=organization.billing_administrator,
        organization_name=organization.unique_name,
        time_zone=organization.time_zone,
        expires_at=expires_at,
    )


def check_code(session: Session, step: Step, code: str) -> Refusal | None:
    """Verify the billing administrator by the newest code, counting the try.

    Returns the refusal instead of raising it: the try must be kept although it failed. Repeating the step counts
    nothing again and gives the same answer.
    """
    held = hold_case(session, step.cancellation)
    case = held.row
    if case.verified_by is not None:
        again = audit.after_of(session, step.key) is not None
        return None if again else AlreadyVerified(case.id)
    row = session.scalar(
        select(VerificationCodeRow)
        .where(VerificationCodeRow.cancellation == case.id)
        .order_by(VerificationCodeRow.number.desc())
        .limit(1)
        .with_for_update()
    )
    if row is None:
        return NoCodeSent(case.id)
    allowed = held.policy.code_attempts
    attempt = row.attempts + 1
    first_try = audit.record(
        session,
        "code.tried",
        actor=step.actor,
        at=step.at,
        step=f"{step.key}:tried",
        subscription=case.subscription,
        cancellation=case.id,
        after={"number": row.number, "attempt": attempt},
    )
    if first_try:
        row.attempts = attempt
    else:
        attempt = (audit.after_of(session, f"{step.key}:tried") or {}).get("attempt", attempt)
    if attempt > allowed:
        return CodeAttemptsExhausted(allowed)
    if step.at >= row.expires_at:
        return CodeExpired(row.expires_at, held.organization.time_zone)
    if not secrets.compare_digest(_hashed(code.strip(), row.salt), row.code_hash):
        return CodeWrong(allowed - attempt) if attempt < allowed else CodeAttemptsExhausted(allowed)
    row.used_at = step.at
    save_verification(session, case, Verification.ONE_TIME_CODE, step, None)
    return None


def _hashed(code: str, salt: str) -> str:
    # Six digits are few: scrypt makes trying them all against a stolen table slow, the attempt limit against us impossible.
    return hashlib.scrypt(code.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()
