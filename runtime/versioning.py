"""The version under which a process offers its workers to Temporal (worker versioning)."""

from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind


class VersionIncomplete(Refusal):
    """One of the two names of a version without the other."""

    code = "worker_version_incomplete"

    def __init__(self, missing: str) -> None:
        super().__init__(
            "A worker's version has the name of its deployment and the id of its build; one of them is missing.",
            remedy=Remedy.of(RemedyKind.CONFIGURE, variable=missing, expected="a name, or neither of the two"),
        )


class VersionSettings(BaseSettings):
    """``TEMPORAL_DEPLOYMENT_NAME`` and ``TEMPORAL_WORKER_BUILD_ID``: without them workers have no version."""

    model_config = SettingsConfigDict(env_prefix="TEMPORAL_")

    deployment_name: str = ""
    worker_build_id: str = ""

    @property
    def deployment(self) -> WorkerDeploymentConfig | None:
        """The version for Temporal; None if there is none. Raises VersionIncomplete.

        A workflow that says nothing itself moves to the current version: a case of months must not keep its first one alive.
        """
        if not self.deployment_name and not self.worker_build_id:
            return None
        if not self.deployment_name or not self.worker_build_id:
            raise VersionIncomplete("TEMPORAL_WORKER_BUILD_ID" if self.deployment_name else "TEMPORAL_DEPLOYMENT_NAME")
        return WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(self.deployment_name, self.worker_build_id),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        )
