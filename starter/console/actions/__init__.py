"""Actions: what a person may do to a case as it stands, the form that asks for it, and the call of the facade that does it."""
