"""The stores: the engine, tables, schema, the organizations' own data, objects."""
