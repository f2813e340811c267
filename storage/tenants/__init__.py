"""The data of the organizations themselves: one PostgreSQL schema for each, in a database beside the service's own."""
