"""The log of a process: what a record of a library or an exception may quote stays out of it, and the place of a fault does not."""

import io
import json
import logging
import os
import traceback
from collections.abc import Iterator

import pytest

from runtime.logs import LogFormat, log_handler

SECRET = "ada@contoso.example"


@pytest.fixture(params=list(LogFormat))
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged in one of the forms."""
    text, handler, root = io.StringIO(), log_handler(request.param), logging.getLogger()
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(text)
    root.addHandler(handler)
    yield text
    root.removeHandler(handler)


def fail() -> None:
    try:
        os.environ[SECRET]
    except KeyError as error:
        raise ValueError(f"no {SECRET}") from error


def test_an_exception_is_its_types_and_its_places(written: io.StringIO) -> None:
    try:
        fail()
    except ValueError:
        logging.exception("A step failed.")
    said = written.getvalue()
    assert SECRET not in said
    assert said.index("ValueError at:") < said.index("from KeyError at:")
    assert said.count("in fail") == 2


def test_a_library_has_one_line_and_the_service_as_many_as_it_takes(written: io.StringIO) -> None:
    logging.getLogger("temporalio.worker").error("Task was destroyed\nfuture: %s", SECRET)
    logging.getLogger("temporalio.activity").error("Exception handling failed, original error: %s", SECRET)
    logging.getLogger("temporalio.activity").error("An activity failed:\n%s", "".join(traceback.format_stack()[-1:]))
    said = written.getvalue()
    assert SECRET not in said
    assert "Task was destroyed" in said
    assert "Exception handling failed" in said
    assert "test_logs.py" in said


def test_an_object_has_known_fields_alone() -> None:
    [record] = [logging.LogRecord("a.library", logging.INFO, "", 0, "said %s", ("so",), None)]
    record.customer = SECRET
    handler = log_handler(LogFormat.JSON)
    assert json.loads(handler.format(record)).keys() == {"time", "level", "logger", "message"}
