"""The version of a worker, from its environment."""

import pytest
from temporalio.common import VersioningBehavior

from runtime.versioning import VersionIncomplete, VersionSettings


def test_without_names_workers_have_no_version() -> None:
    assert VersionSettings().deployment is None


def test_with_both_names_cases_move_to_the_current_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_DEPLOYMENT_NAME", "offramp")
    monkeypatch.setenv("TEMPORAL_WORKER_BUILD_ID", "0.3.0")
    deployment = VersionSettings().deployment
    assert deployment is not None
    assert (deployment.version.deployment_name, deployment.version.build_id) == ("offramp", "0.3.0")
    assert deployment.use_worker_versioning
    assert deployment.default_versioning_behavior is VersioningBehavior.AUTO_UPGRADE


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"),
        ("TEMPORAL_WORKER_BUILD_ID", "TEMPORAL_DEPLOYMENT_NAME"),
    ],
)
def test_one_name_alone_is_refused(monkeypatch: pytest.MonkeyPatch, given: str, missing: str) -> None:
    monkeypatch.setenv(given, "x")
    with pytest.raises(VersionIncomplete) as refused:
        _ = VersionSettings().deployment
    assert refused.value.remedy is not None
    assert refused.value.remedy.values["variable"] == missing
