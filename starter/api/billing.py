"""Billing and master data: documents with a result for each item, and credit memos."""

import asyncio
from datetime import date

from fastapi import APIRouter, Response
from pydantic import BaseModel

from domain.permissions import Operation
from records.billing import BillingReport
from records.imports.importer import ImportReport
from starter.api import bodies
from starter.api.callers import AskedOnce, Service
from starter.api.documents import Content, DocumentName, a_document
from starter.api.routes import Invoice, operation

router = APIRouter(tags=["billing and master data"])

_DOCUMENT = (409, 413, 415, 429)


class CreditMemoPosted(BaseModel):
    """A credit memo that was posted."""

    subscription: str
    invoice: str
    number: str
    credits_from: date | None


@operation(
    router,
    Operation.REPORT_BILLING,
    *_DOCUMENT,
    openapi_extra=a_document("docs/billing-format.md"),
    response_model=BillingReport,
)
async def report_billing(content: Content, name: DocumentName, asked: AskedOnce, service: Service) -> Response:
    """Take a document of a billing feed, each line for itself: the report has a result for each, also a refused one."""
    report = await service.billing.load(content, document=name, **asked)
    # A large report is written beside the loop that everybody's requests share.
    return Response(await asyncio.to_thread(report.model_dump_json), media_type="application/json")


@operation(router, Operation.IMPORT, *_DOCUMENT, openapi_extra=a_document("docs/import-format.md"))
async def load(content: Content, name: DocumentName, asked: AskedOnce, service: Service) -> ImportReport:
    """Import organizations, contracts, subscriptions and lines: all of a document or, if anything is wrong, nothing."""
    return await service.imports.load(content, source=name, **asked)


@operation(router, Operation.POST_CREDIT_MEMO, 404, 409, status_code=201)
async def post_credit_memo(
    invoice: Invoice, body: bodies.CreditMemo, asked: AskedOnce, service: Service
) -> CreditMemoPosted:
    """Post the credit memo that takes an invoice back; a cancellation that waits for it continues."""
    subscription = await service.cancellations.post_credit_memo(
        invoice, number=body.number, credits_from=body.credits_from, **asked
    )
    return CreditMemoPosted(
        subscription=subscription, invoice=invoice, number=body.number, credits_from=body.credits_from
    )
