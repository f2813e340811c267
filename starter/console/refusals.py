"""Refusals of the console's own: a configuration that is not complete, a sign-in that fails, a form of somewhere else."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input


class ConsoleNotConfigured(Refusal):
    """The console was started without what it signs people in with."""

    code = "console_not_configured"

    def __init__(self, lacks: str, variable: str, expected: str) -> None:
        super().__init__(
            f"The console has no {lacks}.", remedy=Remedy.of(RemedyKind.CONFIGURE, variable=variable, expected=expected)
        )


class NotSignedIn(Refusal):
    """A request of a browser in which nobody is signed in, or not any more."""

    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__(
            "Nobody is signed in here, or not any more; nothing was changed.", remedy=correct_input("Sign in again.")
        )


class SignInFailed(Refusal):
    """A sign-in that the issuer does not grant, or that did not begin in this browser."""

    code = "sign_in_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"You are not signed in: {reason}.", remedy=correct_input("Sign in again from the start."), reason=reason
        )


class FormNotOurs(Refusal):
    """A form that this console has not shown to this person, or not in this session."""

    code = "form_not_ours"

    def __init__(self) -> None:
        super().__init__(
            "The form does not come from a page of this session; nothing was changed.",
            remedy=correct_input("Open the page again, and fill in its form."),
        )
