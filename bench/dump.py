"""The cost of the dump of a migration, against pg_dump alone on the same rows: ``make bench-dump``.

The rows of `bench.export`, in a schema that is an organization's. The dump counts the rows, runs pg_dump in the snapshot of that, sums its output and
writes it to an object store, a folder here; the reference is the same pg_dump, which writes into nothing. They take turns.
"""

import argparse
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from tempfile import TemporaryDirectory

import obstore
from obstore.store import LocalStore

from activities.migration.dump import Writer, copy_schema
from activities.migration.transfer import PART_BYTES, PARTS_AT_ONCE
from bench.export import make_customers
from bench.servers import postgres
from bench.turns import in_turns, timed
from tests.support.servers import pg_program
from tests.support.tenants import PreparedTenants, tenant_settings, tenants_database

SCHEMA = "large"


class _Unwatched:
    """Nobody who waits for the dump, and nothing that stops it."""

    def progress(self, *details: object) -> None:
        """Do nothing."""

    def stopped_by(self, _stop: Callable[[], object], /) -> AbstractContextManager[None]:
        """Stop nothing."""
        return nullcontext()


def main() -> None:
    """Measure, and print what was found."""
    options = _options()
    with postgres() as (cluster, port):
        cluster.ensure_database(port, "offramp")
        with tenants_database(cluster.url(port, "offramp")) as url:
            _measure(url, options)


def _measure(url: str, options: argparse.Namespace) -> None:
    make_customers(url, SCHEMA, options.rows)
    tenants = PreparedTenants(tenant_settings(url))
    print(f"{options.rows:,} rows of ten columns; rounds: {options.rounds}; {os.cpu_count()} cores")
    ways = {"pg_dump alone": lambda: timed(lambda: _alone(url)), "dump": lambda: timed(lambda: _dump(tenants))}
    medians = in_turns(ways, options.rounds)
    print(f"  {medians['pg_dump alone'] / medians['dump']:.2f} times the speed of the reference")


def _alone(url: str) -> None:
    arguments = ("--format=custom", "--compress=gzip:6", f"--schema={SCHEMA}", "--no-owner", "--no-privileges")
    command = [pg_program("pg_dump"), *arguments, f"--dbname={url}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _dump(tenants: PreparedTenants) -> None:
    with TemporaryDirectory() as directory:
        store = LocalStore(directory)

        @contextmanager
        def open_object(name: str) -> Iterator[Writer]:
            writer = obstore.open_writer(store, name, buffer_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
            yield writer
            writer.close()

        copy_schema(
            tenants,
            tenants.prepared(SCHEMA),
            open_object,
            program=pg_program("pg_dump"),
            cancellation="SUB-1/1",
            attempt=1,
            watch=_Unwatched(),
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
