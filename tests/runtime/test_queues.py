"""The queues that a process hosts, by its setting."""

import pytest

from contract import WorkQueue
from runtime.queues import QueueSettings, QueuesUnknown


@pytest.mark.parametrize(
    ("written", "hosted"),
    [
        ("", tuple(WorkQueue)),
        (" , ", tuple(WorkQueue)),
        ("long", (WorkQueue.LONG,)),
        (" records , workflows,records", (WorkQueue.WORKFLOWS, WorkQueue.RECORDS)),
    ],
)
def test_the_setting_names_the_queues_of_a_process(
    monkeypatch: pytest.MonkeyPatch, written: str, hosted: tuple[WorkQueue, ...]
) -> None:
    monkeypatch.setenv("OFFRAMP_QUEUES", written)
    assert QueueSettings().hosted == hosted


def test_unknown_names_are_refused_together_with_the_names_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRAMP_QUEUES", "workflows,offramp-long,LONG")
    with pytest.raises(QueuesUnknown) as refused:
        QueueSettings()
    assert refused.value.details.values["names"] == "offramp-long, LONG"
    for queue in WorkQueue:
        assert queue.value in str(refused.value.remedy)
