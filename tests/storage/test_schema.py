"""The migrations: up, down and up again, and the tables they make are those of the code."""

from alembic import command
from sqlalchemy import Engine, inspect

from storage.schema import migrate
from storage.tables import Table


def test_the_migrations_go_up_down_and_up_again(engine: Engine) -> None:
    url = engine.url
    migrate.downgrade(url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    with engine.connect() as connection:
        functions = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        assert connection.exec_driver_sql(functions).scalar() == 0
    migrate.upgrade(url)
    migrate.upgrade(url)
    assert set(inspect(engine).get_table_names()) == {*Table.metadata.tables, "alembic_version"}


def test_the_migrations_make_the_tables_that_the_code_describes(engine: Engine) -> None:
    with engine.begin() as connection:
        command.check(migrate.alembic_config(connection))
