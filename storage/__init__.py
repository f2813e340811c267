"""The stores: the engine, the tables and their schema, the organizations' own data, the objects."""
