"""The HTTP status of each refusal, by its code."""

RETRY_AFTER_SECONDS = 5

UNAVAILABLE = frozenset(
    {
        "case_busy",
        "database_busy",
        "database_unavailable",
        "issuer_unavailable",
        "object_store_unavailable",
        "request_lost",
        "still_waiting",
        "temporal_busy",
        "temporal_failed",
        "temporal_unavailable",
        "tenant_database_unavailable",
        "tenant_schema_busy",
        "tenant_work_waits",
        "cancellation_still_telling",
        "cancellation_suspended",
        "run_in_progress",
        "import_overtaken",
    }
)
"""What passes: the same request may be sent again."""

KEPT = frozenset({"still_waiting", "cancellation_suspended"})
"""The request is with its workflow, and is done as soon as that can; sent again under the same key, it is no other request."""

FAULTS = frozenset(
    {
        "database_failed",
        "database_not_migrated",
        "database_password_unusable",
        "database_right_missing",
        "database_url_malformed",
        "namespace_unknown",
        "access_not_configured",
        "encryption_key_missing",
        "issuer_without_tls",
        "object_store_keys_unusable",
        "object_store_refuses",
        "object_store_url_malformed",
        "payload_keys_unusable",
        "request_keys_unusable",
        "object_store_full",
        "records_conflict",
        "step_failed",
        "temporal_configuration_malformed",
        "temporal_denied",
        "temporal_refused",
        "tenant_login_refused",
        "tenant_login_secret_unusable",
        "tenant_login_too_powerful",
        "no_data_configured",
    }
)
"""What the people who run the installation must repair."""

_OTHERS = {
    401: {"token_missing", "token_invalid", "not_signed_in", "sign_in_failed"},
    403: {
        "role_missing",
        "organization_not_permitted",
        "own_approval",
        "form_not_ours",
        "approver_unknown",
        "confirmer_unknown",
        "sender_unknown",
        "system_task_of_another",
        "release_needs_second_person",
        "bulk_needs_second_person",
    },
    404: {
        *("nothing_there", "no_export", "nothing_to_download", "organization_not_found", "schedule_missing"),
        # An installation without such a part has nothing there.
        *("object_store_not_configured", "tenant_database_not_configured", "tenant_administrator_not_configured"),
        "webhook_keys_missing",
    },
    410: {"export_erased", "export_files_missing"},
    412: {"case_changed"},
    413: {"body_too_large", "bulk_file_too_large", "import_too_large", "too_many_values"},
    415: {"content_type_unknown"},
    422: {
        "answer_not_understood",
        "audit_head_malformed",
        "field_unknown",
        "time_zone_unknown",
        "cursor_unknown",
        "day_out_of_bounds",
        "place_unknown",
        "import_malformed",
        "value_not_storable",
        "goodwill_wish_before_receipt",
        "scope_ambiguous",
        "reason_code_unknown",
        "request_id_reserved",
        "event_unknown",
        "endpoint_url_refused",
    },
    429: {"limit_reached", "too_many_streams", "too_many_documents", "too_many_reads"},
}
_STATUS = {code: status for status, codes in _OTHERS.items() for code in codes}


def status_of(code: str) -> int:
    """Return the status of a refusal: 409, if its code is none of those that have their own."""
    if code in UNAVAILABLE:
        return 503
    if code in FAULTS:
        return 500
    if code in _STATUS:
        return _STATUS[code]
    if code.endswith("_unknown"):
        return 404
    return 422 if code.endswith("_malformed") or code == "date_out_of_range" else 409
