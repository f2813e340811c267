"""How support systems and people reach the service: typed client, command line, local stack."""
