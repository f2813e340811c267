"""Refusals of a text as a date formula (rules, section 2), and the limits of one."""

from domain.refusals import Refusal, printable
from domain.remedies import correct_input

MAX_COUNT = 9_999_999
"""The largest number in a formula: more days than the calendar has."""

MAX_LENGTH = 64
"""The longest formula, in characters of its canonical form; Business Central stores 32."""


def _shown(text: str) -> str:
    text = printable(text)
    return f'"{text}"' if len(text) <= 40 else f'"{text[:40]}…"'


class FormulaRefused(Refusal):
    """Base of the refusals of a text as a date formula."""

    code = "formula_refused"


class FormulaEmpty(FormulaRefused):
    """No formula at all. Where a formula may be left out, an empty text means "not set" and is never parsed."""

    code = "formula_empty"

    def __init__(self) -> None:
        super().__init__("A date formula must not be empty.", remedy=correct_input("Write, for example, 1M or 1Y."))


class FormulaMalformed(FormulaRefused):
    """A text that does not follow the grammar."""

    code = "formula_malformed"

    def __init__(self, text: str, position: int) -> None:
        super().__init__(
            f"{_shown(text)} is not a date formula: it cannot be read from character {position + 1} on.",
            remedy=correct_input(
                "A formula is one or more of a number or C, then D, W, M, Q or Y, joined by + or -: 3M, 1Y, 1M+CM."
            ),
            formula=_shown(text),
        )


class FormulaFormUnsupported(FormulaRefused):
    """A form of Business Central that names a position (weekday, day of the month) and is not offered here."""

    code = "formula_form_unsupported"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{_shown(text)} names a weekday or a position in a period (such as WD4 or D15); a term needs a length.",
            remedy=correct_input("Write a length (2W, 3M, 1Y), or move to the end of a period with CW, CM, CQ or CY."),
            formula=_shown(text),
        )


class FormulaNumberTooLarge(FormulaRefused):
    """A number by which no date could be moved."""

    code = "formula_number_too_large"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{_shown(text)} contains a number above {MAX_COUNT}, which would leave the calendar from every date.",
            remedy=correct_input("Write a shorter term."),
            formula=_shown(text),
        )


class FormulaTooLong(FormulaRefused):
    """A formula with more terms than a person would write."""

    code = "formula_too_long"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{_shown(text)} is longer than {MAX_LENGTH} characters.",
            remedy=correct_input("Combine its terms."),
            formula=_shown(text),
        )
