"""The alert rules and the dashboard, as they are deployed."""

import json
import re
from typing import Any

import yaml

from tests.deployment.files import ROOT

RULES = ROOT / "deployment" / "prometheus" / "alerts.yaml"
TRIALS = ROOT / "deployment" / "prometheus" / "alerts.test.yaml"
CONFIGURATION = ROOT / "deployment" / "prometheus" / "prometheus.yaml"
DASHBOARD = ROOT / "deployment" / "grafana" / "offramp.json"

_METRIC = re.compile(r"\b(?:offramp|temporal)_[a-z_]+")


def alerts() -> list[dict[str, Any]]:
    """Every alert."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> list[str]:
    """The queries of the dashboard."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def metrics(expressions: list[str]) -> set[str]:
    """The metrics that expressions name."""
    return {name for expression in expressions for name in _METRIC.findall(expression)}
