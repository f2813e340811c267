"""The console: the service in a browser, for the people who work on cases."""
