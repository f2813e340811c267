"""What is kept in PostgreSQL: tables, migrations and the queries on them."""
