"""The contents of the deployment files, read once, and the environment that our own code expects."""

import importlib
import pkgutil
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import BaseSettings

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPOSE_FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN_IMAGE = f"offramp:{PROJECT['project']['version']}"

_INTERPOLATION = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?::[-?][^}]*)?\}")


def is_ours(service: str) -> bool:
    """Whether a service runs this repository's image."""
    return bool(SERVICES[service]["image"] == OWN_IMAGE)


def environment(service: str) -> dict[str, str]:
    """The environment that a service gets."""
    return {name: str(value) for name, value in SERVICES[service].get("environment", {}).items()}


def repository(service: str) -> str:
    """The image of a service, without its tag."""
    return str(SERVICES[service]["image"]).rpartition(":")[0]


def tag(service: str) -> str:
    """The tag of a service's image."""
    return str(SERVICES[service]["image"]).rpartition(":")[2]


def interpolated_variables() -> set[str]:
    """The variables that the compose file takes from the person who runs it."""
    return {match["name"] for match in _INTERPOLATION.finditer(COMPOSE_FILE.read_text(encoding="utf-8"))}


def template_variables() -> dict[str, str]:
    """The settings in `.env.example`."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines if line and line[0] != "#")}


def shell_script(service: str) -> str:
    """The script that a service runs, as its shell gets it."""
    (script,) = SERVICES[service]["command"]
    return str(script).replace("$$", "$")


@dataclass(frozen=True)
class Instruction:
    """One line of the Dockerfile, continuations joined."""

    name: str
    arguments: str

    @property
    def words(self) -> list[str]:
        """The arguments, split as a shell would."""
        return shlex.split(self.arguments)


def dockerfile_stages() -> list[list[Instruction]]:
    """The stages of the Dockerfile; the last one becomes the image."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    stages: list[list[Instruction]] = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, _, arguments = line.partition(" ")
        if name == "FROM":
            stages.append([])
        stages[-1].append(Instruction(name, arguments.strip()))
    return stages


def settings_classes() -> set[type[BaseSettings]]:
    """Every settings class of the service, wherever it is."""
    for package in ("activities", "contract", "records", "runtime", "starter", "storage", "workflows"):
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if ".versions" not in module.name and not module.name.endswith(".env"):
                importlib.import_module(module.name)
    importlib.import_module("worker")
    return {kind for kind in _subclasses(BaseSettings) if kind.__module__.split(".")[0] in _OWN_MODULES}


def settings_variables() -> dict[str, str | None]:
    """Every variable that a settings class reads, with its default: None where it must be set."""
    found: dict[str, str | None] = {}
    for kind in settings_classes():
        for name, field in kind.model_fields.items():
            variable = f"{kind.model_config['env_prefix']}{name}".upper()
            found[variable] = None if field.is_required() else str("" if field.default is None else field.default)
    return found


def variables_in_code() -> set[str]:
    """Every ``OFFRAMP_…`` that the code spells out; ends with an underscore where it is only a prefix."""
    sources = [path for package in _OWN_MODULES for path in (ROOT / package).rglob("*.py")]
    return {
        name for path in [*sources, ROOT / "worker.py"] for name in re.findall(r"\bOFFRAMP_[A-Z_]+", path.read_text())
    }


_OWN_MODULES = ("activities", "contract", "domain", "records", "runtime", "starter", "storage", "workflows", "worker")


def _subclasses(kind: type[BaseSettings]) -> set[type[BaseSettings]]:
    return {found for child in kind.__subclasses__() for found in (child, *_subclasses(child))}
