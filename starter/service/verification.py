"""The verification of the administrator who requests a cancellation, by a one-time code or an agent's attestation."""

import contract
from starter.service.case_form import Status
from starter.service.updates import CaseClient


class VerifiedCaseClient(CaseClient[Status]):
    """Base of the areas whose case begins with a verification: of the billing administrator of its subject."""

    async def send_code(
        self, subject: str, *, actor: str, cancellation: str | None = None, request_id: str | None = None
    ) -> Status:
        """Have a one-time code mailed to the administrator on record."""
        with contract.refusing_malformed():
            message = contract.SendCode(actor=actor, cancellation=cancellation)
        return await self._update(subject, contract.UPDATE_SEND_CODE, message, request_id)

    async def verify_code(
        self, subject: str, code: str, *, actor: str, cancellation: str | None = None, request_id: str | None = None
    ) -> Status:
        """Verify the administrator by the code they received."""
        with contract.refusing_malformed():
            message = contract.VerifyCode(actor=actor, cancellation=cancellation, code=code).sealed(subject)
        return await self._update(subject, contract.UPDATE_VERIFY_CODE, message, request_id)

    async def attest(
        self, subject: str, *, actor: str, reason: str, cancellation: str | None = None, request_id: str | None = None
    ) -> Status:
        """Attest, as an agent, that the request comes from the administrator."""
        with contract.refusing_malformed():
            message = contract.Attest(
                actor=actor, cancellation=cancellation, attestation=contract.Attestation(reason=reason)
            )
        return await self._update(subject, contract.UPDATE_ATTEST, message, request_id)
