"""What every web server of the service shares."""
