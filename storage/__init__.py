"""How things are kept: the engine, tables, schema, the organizations' own data, objects."""
