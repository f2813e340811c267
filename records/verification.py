"""One-time codes: kept as salted hashes, short-lived, with a limited number of tries (rules, section 8)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.steps import Step
from domain.cancellation.lifecycle import (
    AlreadyVerified,
    CodeAttemptsExhausted,
    CodeExpired,
    CodeWrong,
    NoCodeSent,
    TooManyCodes,
)
from domain.marketing import is_marketing_cancellation
from domain.refusals import Refusal
from domain.vocabulary import Verification
from records import audit
from records.cancellation.cases import HeldCase, hold_case
from records.marketing.service_cases import HeldMarketingCase, hold_marketing_case
from storage.tables import CancellationRow, MarketingCancellationRow, MarketingCodeRow, VerificationCodeRow

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
    marketing: bool = False
    """Whether it is the marketing service alone that shall be cancelled."""

    def __repr__(self) -> str:
        """Show nothing of the code."""
        return f"FreshCode(number={self.number})"


def fresh_code(session: Session, step: Step) -> FreshCode:
    """Make a code and keep its hash; repeating the step replaces the code that may never have been sent.

    Raises:
        AlreadyVerified, TooManyCodes.

    """
    held = _hold(session, step.cancellation)
    case, organization, policy = held.row, held.organization, held.policy
    codes = _codes_of(held)
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
    row.salt, row.code_hash, row.expires_at, row.attempts = salt, _hashed(code, salt), expires_at, 0
    audit.record(
        session,
        "code.sent",
        actor=step.actor,
        at=step.at,
        step=step.key,
        subscription=_subscription_of(case),
        cancellation=case.id,
        after={"number": row.number, "expires_at": expires_at.isoformat()},
    )
    return FreshCode(
        code=code,
        number=row.number,
        salt=salt,
        recipient=_administrator_of(held),
        organization_name=organization.unique_name,
        time_zone=organization.time_zone,
        expires_at=expires_at,
        marketing=isinstance(held, HeldMarketingCase),
    )


def check_code(session: Session, step: Step, code: str) -> Refusal | None:
    """Verify the billing administrator by the newest code, counting the try.

    Returns the refusal instead of raising it: the try must be kept although it failed. Repeating the step counts
    nothing again and gives the same answer.
    """
    held = _hold(session, step.cancellation)
    case, codes = held.row, _codes_of(held)
    if case.verified_by is not None:
        again = audit.after_of(session, step.key) is not None
        return None if again else AlreadyVerified(case.id)
    row = session.scalar(
        select(codes).where(codes.cancellation == case.id).order_by(codes.number.desc()).limit(1).with_for_update()
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
        subscription=_subscription_of(case),
        cancellation=case.id,
        after={"number": row.number, "attempt": attempt},
    )
    if first_try:
        row.attempts = attempt
    else:
        attempt = (audit.after_of(session, f"{step.key}:tried") or {}).get("attempt", attempt)
    if attempt > allowed:
        return CodeAttemptsExhausted(case.id, allowed)
    if step.at >= row.expires_at:
        return CodeExpired(case.id, row.expires_at, held.organization.time_zone)
    if not secrets.compare_digest(_hashed(code.strip(), row.salt), row.code_hash):
        return CodeWrong(case.id, allowed - attempt) if attempt < allowed else CodeAttemptsExhausted(case.id, allowed)
    row.used_at = step.at
    save_verification(session, case, Verification.ONE_TIME_CODE, step, None)
    return None


def save_verification(
    session: Session, case: CancellationRow | MarketingCancellationRow, how: Verification, step: Step, why: str | None
) -> None:
    """Keep how the billing administrator was verified, by whom, and why an attestation was trusted."""
    case.verified_by = how.value
    audit.record(
        session,
        "billing_administrator.verified",
        actor=step.actor,
        at=step.at,
        step=step.key,
        why=why,
        subscription=_subscription_of(case),
        cancellation=case.id,
        after={"verified_by": how.value},
    )


def attest(session: Session, step: Step, because: str) -> None:
    """Keep an agent's word that the billing administrator is asking."""
    save_verification(session, _hold(session, step.cancellation).row, Verification.ATTESTATION, step, because)


def _hold(session: Session, case: str) -> HeldCase | HeldMarketingCase:
    return hold_marketing_case(session, case) if is_marketing_cancellation(case) else hold_case(session, case)


def _codes_of(held: HeldCase | HeldMarketingCase) -> type[VerificationCodeRow] | type[MarketingCodeRow]:
    return VerificationCodeRow if isinstance(held, HeldCase) else MarketingCodeRow


def _administrator_of(held: HeldCase | HeldMarketingCase) -> str:
    return (held.organization if isinstance(held, HeldCase) else held.service).billing_administrator


def _subscription_of(case: CancellationRow | MarketingCancellationRow) -> str | None:
    return case.subscription if isinstance(case, CancellationRow) else None


def _hashed(code: str, salt: str) -> str:
    # Six digits are few: scrypt makes trying them all against a stolen table slow, the attempt limit against us impossible.
    return hashlib.scrypt(code.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()
