"""The Makefile, the hooks before a commit, and the pins."""

import re
import shlex
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCKS = sorted(ROOT.glob("*.lock"))
# In two pieces, so that this file is no exception.
REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "registry" + "-1.docker.io")


def test_make_lists_every_target_and_does_nothing_else() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert phony
    listed = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[1] for line in listed.stdout.splitlines()] == phony[1].split()


def test_the_hooks_are_the_checks_of_make_lint_from_this_repository() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}
    called = [shlex.split(hook["entry"])[0].removeprefix(".venv/bin/") for hook in repository["hooks"]]
    lint = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    assert called == re.findall(r"\$\(BIN\)/([\w-]+)", lint)


def test_every_pin_has_hashes_and_no_address() -> None:
    assert len(LOCKS) == 3
    for lock in LOCKS:
        text = lock.read_text(encoding="utf-8")
        pins = re.split(r"\n(?=\w)", text.strip())
        assert pins[1:]
        assert [pin for pin in pins if not re.match(r"[\w.-]+==\S+", pin) or "--hash=sha256:" not in pin] == []
        assert "://" not in text


def test_no_file_names_the_address_of_a_package_registry() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    naming = []
    for name in filter(None, tracked.stdout.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        naming += [name for registry in REGISTRIES if registry.encode() in content]
    assert naming == []
