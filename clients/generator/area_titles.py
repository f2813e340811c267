"""What each area of the client is for, in a sentence."""

TITLES = {
    "cancellations": "Cancellations of subscriptions.",
    "line_cancellations": "Cancellations of single lines, while their subscription goes on.",
    "events": "Events of cases as they happen.",
    "exports": "Exports of organizations' data.",
    "migrations": "On-premises migrations.",
    "marketing": "Marketing services cancelled alone, and campaigns that the ad centre stops.",
    "line_dates": "Subscription lines, and the update of their dates.",
    "billing": "Billing documents.",
    "imports": "Master data.",
    "holds": "Legal holds.",
    "reconciliation": "Reconciliations of records, workflows and copies of data.",
    "audit": "The sealed audit trail.",
    "limits": "Limits across cases.",
    "privacy": "What is kept about persons.",
    "tenants": "Organizations' own data.",
    "bulk": "Bulk cancellations.",
    "webhooks": "Webhook endpoints, and what they were sent.",
}
