"""``offramp up`` as it is, with an idle worker and a set-up of one table: ``python -m tests.support.idle_stack DIR``."""

import asyncio
import os
import sys
from pathlib import Path

import psycopg

from domain.refusals import Refusal
from starter.cli.output import REFUSED, print_refusal
from starter.cli.up import run_in_foreground
from starter.local.data_directory import DataDirectory


async def set_up() -> None:
    def create_table() -> None:
        with psycopg.connect(os.environ["OFFRAMP_DATABASE_OWNER_URL"].replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS note (text text NOT NULL)")

    await asyncio.to_thread(create_table)


def main() -> None:
    data = DataDirectory(Path(sys.argv[1]))
    try:
        run_in_foreground(data, set_up=set_up, demo=None, worker_module="tests.support.idle_worker")
    except Refusal as refusal:
        print_refusal(refusal, as_json=False)
        raise SystemExit(REFUSED) from None


if __name__ == "__main__":
    main()
