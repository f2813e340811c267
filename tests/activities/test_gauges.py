"""The gauges of a worker whose database is away: they fail by themselves."""

from sqlalchemy import create_engine
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig

from activities.gauges import Gauges
from tests.support.ports import free_port


def test_a_measurement_that_fails_is_counted_and_raises_nothing() -> None:
    buffer = MetricBuffer(100)
    meter = Runtime(telemetry=TelemetryConfig(metrics=buffer)).metric_meter
    gauges = Gauges(create_engine(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"), meter, "Europe/Berlin")
    gauges.refresh()
    gauges.refresh()

    updates = [(update.metric.name, update.value) for update in buffer.retrieve_updates()]
    assert sum(value for name, value in updates if name == "offramp_measurement_failures") == 2
    assert {name for name, _ in updates} == {"offramp_measurement_failures"}
