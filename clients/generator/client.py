"""The generated modules of the Python client."""

from collections.abc import Mapping
from pathlib import Path

from clients.generator.places import CLIENT, formatted
from clients.generator.python_areas import areas_module
from clients.generator.python_models import models_module, used_by
from clients.generator.webhook_schemas import DATA, webhook_definitions
from starter.api.app import document


def client_files() -> Mapping[Path, str]:
    """Return the text of each."""
    described = document()
    schemas = {**webhook_definitions(), **described["components"]["schemas"]}
    wanted = used_by(described) | {"CaseEvent"} | {name for name, _ in DATA.values()}
    sources = {
        "models.py": models_module(schemas, wanted),
        "areas.py": areas_module(described, is_async=False),
        "async_areas.py": areas_module(described, is_async=True),
    }
    return {CLIENT / name: formatted(source) for name, source in sources.items()}
