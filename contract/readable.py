"""Text that stays readable in Temporal, whose payloads are encrypted otherwise."""


class Readable(str):
    """A summary of an activity, a timer or a workflow, for the people who watch Temporal with or without the keys.

    It is not encrypted, so it holds no personal data: no name, no address, no reason, no answer.
    """

    __slots__ = ()
