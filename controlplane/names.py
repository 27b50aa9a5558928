"""The rule for names of scenarios, recordings, tokens and passkeys.

Letters of all scripts are allowed. Names are stored in Unicode normal form NFC, so that each name has one spelling.
Invisible characters and characters that change the text direction are not allowed, since they could make one name look
like another. Usernames have a stricter rule (`accounts/names.py`).
"""

import re
import unicodedata

# Control characters, spaces other than U+0020, and Unicode's Default_Ignorable_Code_Point, bidirectional controls and
# fillers (DerivedCoreProperties.txt 15.1), which are invisible.
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
# The same for JSON Schema, where a surrogate pair is one character and lone surrogates do not occur.
NAME = f"^{_SHOWN}( *{_SHOWN})*$".replace(f"{chr(0xD800)}-{chr(0xDFFF)}", "")
_HIDDEN_ONE = re.compile(f"[{_HIDDEN}]")


def normal_name(text: str) -> str:
    """The name as stored: in normal form NFC, without surrounding spaces."""
    return unicodedata.normalize("NFC", text.strip(" "))


def hidden_in(text: str) -> str:
    """The first forbidden character, such as `U+202E RIGHT-TO-LEFT OVERRIDE`; empty if there is none."""
    found = _HIDDEN_ONE.search(text)
    if found is None:
        return ""
    letter = found[0]
    return f"U+{ord(letter):04X} {unicodedata.name(letter, '')}".strip()


def without_hidden(text: str) -> str:
    """The text without forbidden characters, for names from files."""
    return normal_name(_HIDDEN_ONE.sub("", text))
