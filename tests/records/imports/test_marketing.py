"""Imports of marketing services: stopped campaigns stay stopped, and a cancelled service needs a new sign-up."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.imports.refusals import ImportMalformed
from records.marketing.campaigns import current_campaigns, lock_service
from records.transaction import Transaction
from storage.tables import CampaignActivityRow, CampaignRow, MarketingServiceRow
from tests.support.import_documents import Document, Import

PATH = "organizations[0].marketing_service"


def service(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = document["organizations"][0]["marketing_service"]
    return found


def new_campaign(name: str = "CMP-NEW") -> dict[str, Any]:
    return {"id": name, "name": "New", "activities": [{"id": f"{name}-1", "name": "Search"}]}


def cancel(engine: Engine) -> None:
    """Cancel the service, with every campaign stopped."""
    with Session(engine) as session, session.begin():
        session.execute(update(MarketingServiceRow).values(canceled_sign_up=MarketingServiceRow.sign_up))
        session.execute(update(CampaignRow).values(stopped_at=datetime.now(UTC)))
        session.execute(update(CampaignActivityRow).values(state="paused"))


def problems(imported: Import, document: Document) -> list[tuple[str, str]]:
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    return [(problem.path, problem.refusal.code) for problem in refused.value.problems]


def test_the_same_document_again_changes_nothing_of_a_cancelled_service(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    cancel(engine)
    assert imported(document).total.changed == 0
    with Session(engine) as session:
        assert session.get_one(MarketingServiceRow, "ORG-1").is_canceled


def test_a_cancelled_service_gets_no_new_campaign(imported: Import, document: Document, engine: Engine) -> None:
    imported(document)
    cancel(engine)
    service(document)["campaigns"].append(new_campaign())
    number = len(service(document)["campaigns"]) - 1
    assert problems(imported, document) == [(f"{PATH}.campaigns[{number}]", "campaign_of_canceled_service")]


def test_another_sign_up_is_a_new_service_with_new_campaigns(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    cancel(engine)
    service(document)["sign_up"] = "2027-spring"
    service(document)["campaigns"].append(new_campaign())
    imported(document)
    with Session(engine) as session:
        assert not session.get_one(MarketingServiceRow, "ORG-1").is_canceled
        assert session.get_one(CampaignActivityRow, "CMP-NEW-1").state == "running"
        assert session.get_one(CampaignActivityRow, "ACT-1").state == "paused", "what was stopped stays so"
    del service(document)["sign_up"]
    assert imported(document).total.changed == 0


def test_a_service_that_runs_has_no_second_sign_up(imported: Import, document: Document) -> None:
    imported(document)
    service(document)["sign_up"] = "another"
    assert problems(imported, document) == [(f"{PATH}.sign_up", "marketing_service_running")]


def test_a_stopped_campaign_gets_no_activity_that_runs(imported: Import, document: Document, engine: Engine) -> None:
    imported(document)
    with Session(engine) as session, session.begin():
        session.execute(update(CampaignRow).values(stopped_at=datetime.now(UTC)))
    activities = service(document)["campaigns"][0]["activities"]
    activities.append({"id": "ACT-NEW", "name": "Search"})
    path = f"{PATH}.campaigns[0].activities[{len(activities) - 1}]"
    assert problems(imported, document) == [(path, "activity_of_stopped_campaign")]
    activities[-1]["state"] = "paused"
    assert imported(document).kinds["activities"].created == 1


def test_an_activity_that_comes_while_its_campaign_is_being_stopped_does_not_run_on(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    refused: list[BaseException] = []

    def add() -> None:
        try:
            with Session(engine) as session, session.begin():
                session.add(CampaignActivityRow(id="ACT-LATE", campaign="CMP-1", name="Search", state="running"))
        except IntegrityError as error:
            refused.append(error)

    adding = threading.Thread(target=add)
    with Transaction.begin(engine) as transaction:
        lock_service(transaction, "ORG-1")
        adding.start()
        current_campaigns(transaction.session, "ORG-1", {})
        transaction.session.execute(update(CampaignRow).values(stopped_at=datetime.now(UTC)))
    adding.join()

    assert "CMP-1 was stopped" in str(refused[0])
