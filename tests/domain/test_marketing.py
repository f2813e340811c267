"""Campaigns: what a stop changes, whose refusal keeps them, and where a service's own cancellation ends (rules, section 9)."""

from domain.marketing import CampaignAction, CampaignActionWithoutStop, Consent, MarketingStage
from domain.vocabulary import CampaignChoice


def test_pausing_leaves_what_is_paused_and_deleting_takes_it_too() -> None:
    assert (CampaignAction.PAUSE.stops, CampaignAction.PAUSE.done) == (("running",), "paused")
    assert (CampaignAction.DELETE.stops, CampaignAction.DELETE.done) == (("running", "paused"), "deleted")


def test_no_action_takes_up_what_an_action_has_done() -> None:
    for action in CampaignAction:
        assert action.done not in action.stops, "else it would be stopped again at every retry"


def test_campaigns_are_kept_where_consent_was_declined_or_did_not_come() -> None:
    assert {consent for consent in Consent if consent.refused} == {Consent.DECLINED, Consent.TIMED_OUT}


def test_a_cancelled_service_is_not_at_an_end_before_the_ad_centre_has_acknowledged() -> None:
    assert {stage for stage in MarketingStage if stage.is_final} == {MarketingStage.CANCELED, MarketingStage.ABANDONED}
    assert not MarketingStage.STOPPING.is_final


def test_actions_without_a_stop_name_the_answer_that_stands_against_them() -> None:
    assert CampaignActionWithoutStop(CampaignChoice.KEEP).values == {"campaigns": "keep"}
    assert CampaignActionWithoutStop(None).values == {}
