"""A fault run: hundreds of lives of cases while the parts of the service are killed, stopped and cut off."""
