"""The one rule for names that people give to things: scenarios, recordings, tokens, passkeys.

Letters of any script are fine. A name is kept in Unicode's normal form NFC, so that one name has one spelling. It has
no character that is invisible or changes the direction of text, with which one name could be shown as another.
Usernames have a stricter rule of their own (`accounts/names.py`).
"""

import re
import unicodedata

# Controls, spaces other than the common one, and Unicode's Default_Ignorable_Code_Point, bidirectional controls and
# fillers (DerivedCoreProperties.txt 15.1), which have no ink of their own.
_HIDDEN = "".join(
    f"{chr(first)}-{chr(last)}" if first != last else chr(first)
    for first, last in (
        *((0x00, 0x1F), (0x7F, 0xA0), (0xAD, 0xAD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160)),
        *((0x1680, 0x1680), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F)),
        *((0x2800, 0x2800), (0x3000, 0x3000), (0x3164, 0x3164), (0xD800, 0xDFFF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
        *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0xFFFE, 0xFFFF), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A)),
        *((0xE0000, 0xE0FFF),),
    )
)
_SHOWN = f"[^{_HIDDEN} ]"
# The same for JSON Schema. There the two halves of a pair count as one character, and no text holds a single half.
NAME = f"^{_SHOWN}( *{_SHOWN})*$".replace(f"{chr(0xD800)}-{chr(0xDFFF)}", "")
_HIDDEN_ONE = re.compile(f"[{_HIDDEN}]")


def normal_name(text: str) -> str:
    """The name as it is kept: in the normal form NFC, without spaces around it."""
    return unicodedata.normalize("NFC", text.strip(" "))


def hidden_in(text: str) -> str:
    """The first character that no name has, as `U+202E RIGHT-TO-LEFT OVERRIDE`; empty where there is none."""
    found = _HIDDEN_ONE.search(text)
    if found is None:
        return ""
    letter = found[0]
    return f"U+{ord(letter):04X} {unicodedata.name(letter, '')}".strip()


def without_hidden(text: str) -> str:
    """The text without what no name has, for names that come with a file and that nobody can be asked about."""
    return normal_name(_HIDDEN_ONE.sub("", text))
