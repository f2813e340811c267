"""Characters that nobody sees and that change what everybody reads: refused in what people write, escaped where it is shown.

Control characters move a terminal's cursor; the overrides of Unicode's bidirectional algorithm turn letters round
(https://www.unicode.org/reports/tr36/); characters without a width make two names look like one. Two of the latter belong
to the spelling of languages, and are accepted where those have them (RFC 5892, appendix A.1 and A.2). So are variation
selectors after what has variants: a symbol, an ideograph, a letter of Mongolian (https://www.unicode.org/Public/UCD/latest/ucd/StandardizedVariants.txt).
"""

import re
import unicodedata

_LINES = "\n\t"
"""What a text of several lines may have."""
_NON_JOINER, _JOINER = "\u200c", "\u200d"
_VIRAMA = 9
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters, marks and a symbol that are drawn as nothing (Unicode's Default_Ignorable_Code_Point, and the empty braille cell)."""
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f]")
_KEYCAP = "\u20e3"


def unclean_character(text: str, *, lines: bool = False) -> str | None:
    """Return the first character of a text that nobody sees; None if there is none. ``lines`` says that it may have several."""
    for place, character in enumerate(text):
        if not (lines and character in _LINES) and _is_unseen(text, place):
            return character
    return None


def why_unclean(text: str, *, lines: bool = False) -> str | None:
    """Return what such a character is, by its number and the name that Unicode gives it; None where there is none.

    It is the rest of a sentence about the text, as in "it has …". ``lines`` as for `unclean_character`.
    """
    if (found := unclean_character(text, lines=lines)) is None:
        return None
    name = unicodedata.name(found, "")
    return f"a character that nobody sees, U+{ord(found):04X}{f' {name}' if name else ''}"


def escaped(text: str) -> str:
    """Return a text with such characters written out, for a terminal or a log; the ends of lines stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(text, place, character) for place, character in enumerate(text))


def _shown(text: str, place: int, character: str) -> str:
    if character == "\n" or not _is_unseen(text, place):
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def _is_unseen(text: str, place: int) -> bool:
    """Return true for a character that changes nothing that is seen, where it stands."""
    character = text[place]
    if character.isascii() and character.isprintable():
        return False
    if _SELECTORS.match(character):
        return not _has_variants(text, place)
    if character in _BLANKS:
        return True
    return unicodedata.category(character) in _INVISIBLE and not _is_spelling(text, place)


def _has_variants(text: str, place: int) -> bool:
    """Return true for a selector after a symbol, an ideograph or a letter of Mongolian, and in a keycap."""
    if place == 0:
        return False
    before = text[place - 1]
    if unicodedata.category(before)[0] == "S" or text[place + 1 : place + 2] == _KEYCAP:
        return True
    return unicodedata.name(before, "").startswith(("CJK ", "MONGOLIAN "))


def _is_spelling(text: str, place: int) -> bool:
    """Return true for a joiner after a virama, and for a non-joiner there or after a letter that joins."""
    if text[place] not in (_NON_JOINER, _JOINER) or place == 0:
        return False
    before = text[place - 1]
    if unicodedata.combining(before) == _VIRAMA:
        return True
    return text[place] == _NON_JOINER and unicodedata.bidirectional(before) == "AL"
