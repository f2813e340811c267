"""The rules and the vocabulary of cancelling a subscription.

Pure functions and value objects: nothing here does I/O, reads a clock or imports another part of Offramp. Dates are civil
dates in the organization's time zone, instants are timezone-aware UTC datetimes; both are always passed in.
"""
