"""The alerts: each is tried, and says in a runbook what it means and what to do."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.deployment.files import ROOT, SERVICES
from tests.deployment.monitoring import CONFIGURATION, RULES, TRIALS, alerts, metrics, queries

RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
OBSERVABILITY = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    sections = dict(re.findall(r"^## (Offramp\w+)\n(.*?)(?=^## |\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL))
    assert set(sections) == {alert["alert"] for alert in alerts()}
    assert all("- Look: " in section and "- Do: " in section for section in sections.values())


def test_an_alert_says_whom_it_calls_and_leads_to_its_runbook() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket"), alert
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks.md#{alert['alert'].lower()}"
        assert alert["annotations"]["summary"]


def test_every_metric_of_ours_is_documented_and_each_documented_one_is_watched_by_somebody() -> None:
    documented = set(re.findall(r"^\| `(offramp_\w+)` ", OBSERVABILITY, re.MULTILINE))
    watched = metrics([*queries(), *(alert["expr"] for alert in alerts())])
    ours = {re.sub(r"_(bucket|count|sum)$", "", name) for name in watched if name.startswith("offramp_")}
    assert ours == documented


def test_every_alert_is_tried() -> None:
    trials = yaml.safe_load(TRIALS.read_text(encoding="utf-8"))["tests"]
    fired = {each["alertname"] for trial in trials for each in trial["alert_rule_test"] if each["exp_alerts"]}
    assert fired == {alert["alert"] for alert in alerts()}


@pytest.mark.parametrize("arguments", [("check", "rules", RULES), ("test", "rules", TRIALS), ("check", "config", CONFIGURATION)], ids=["rules", "trials", "configuration"])  # fmt: skip
def test_prometheus_takes_the_rules_and_they_fire_as_they_are_tried(arguments: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed here (apt-get install prometheus)")
    tried = subprocess.run([promtool, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_prometheus_scrapes_every_process_that_serves_metrics() -> None:
    jobs = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))["scrape_configs"]
    scraped = {name: job["dns_sd_configs"][0]["port"] for job in jobs for name in job["dns_sd_configs"][0]["names"]}
    served = {
        name: int(address.rpartition(":")[2])
        for name, service in SERVICES.items()
        if (address := service.get("environment", {}).get("OFFRAMP_METRICS_ADDRESS"))
    }
    assert scraped == served
    assert all("metrics" in SERVICES[name]["networks"] for name in [*served, "prometheus"])
    assert not [port for name in served for port in SERVICES[name].get("ports", ()) if ":9464" in port]
