"""What every test can ask for."""

from tests.support.servers import database_url, postgres_url, template_database, temporal_env

__all__ = ["database_url", "postgres_url", "template_database", "temporal_env"]
