"""Whether a text is one JSON value by RFC 8259, told by Spark's own readers.

None of Spark's readers looks beyond the end of the first value. So a fence is put before the last bracket: a member
with a new random name for each query. A reader finds it in the outermost object only where the last bracket closes
the first one, and no sender can write it, because its name does not exist yet.

The variant reader accepts nothing that the RFC forbids and refuses names that occur twice in one object, but it gives
no reason, and has limits (1,000 levels, 1,000 digits). What it accepts is right, and that is nearly every record. For
the others `from_json` tells the reason: it accepts repeated names, and its limits can be set.
"""

import secrets

from pyspark.sql import Column
from pyspark.sql import functions as F

MAX_DEPTH = 1_000
MAX_DIGITS = 1_000
# In UTF-16 code units. Spark's readers set this limit, and no option changes it.
MAX_NAME = 50_000

MALFORMED, TOO_DEEP, NUMBER_TOO_LONG = "malformed_json", "too_deep", "number_out_of_range"
NAME_TOO_LONG, DUPLICATE_KEY = "oversized", "duplicate_key"

# What `from_json` would otherwise let pass.
STRICT = {"mode": "PERMISSIVE", "allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}

_NO_LIMIT = 2**31 - 1
_EMPTY = r"\A(\{[ \t\r\n]*+\}|\[[ \t\r\n]*+\])\z"
_NUMBER = r"\A-?(0|[1-9][0-9]*+)(\.[0-9]++)?([eE][+-]?[0-9]++)?\z"
_ESCAPED_BACKSLASH = r"\\\\"
_ESCAPE = r"\\(u[0-9a-fA-F]{4}|.)"
_SURROGATE = r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
_SURROGATE_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"


def new_fence() -> str:
    """The name of a fence: 128 random bits."""
    return f"fence_{secrets.token_hex(16)}"


def problem(text: Column, fence: str) -> Column:
    """Null for one JSON value without repeated names, else the quarantine reason for what is wrong.

    The text must be trimmed of JSON's white space. Names within an array are not compared.
    """
    return (
        F.when(text.startswith("{"), F.when(~_is_plain_object(text, fence), _problem_of_object(text, fence)))
        .when(text.startswith("["), _problem_of_array(text, fence))
        .when(
            ~_is_scalar(text, fence),
            F.when(text.rlike(_NUMBER), F.lit(NUMBER_TOO_LONG)).otherwise(F.lit(MALFORMED)),
        )
    )


def has_lone_surrogate(text: Column) -> Column:
    """Whether JSON that is otherwise right escapes one half of a surrogate pair without the other: no character."""
    unescaped = F.regexp_replace(F.regexp_replace(text, _ESCAPED_BACKSLASH, "_"), _SURROGATE_PAIR, "_")
    return F.when(text.contains("\\u") & text.rlike(_SURROGATE), unescaped.rlike(_SURROGATE)).otherwise(F.lit(False))


def repeated_name(text: Column) -> Column:
    """The first name in alphabetical order that an object has twice; null when the repetition is further within."""
    names = F.array_sort(F.json_object_keys(text))
    return F.try_element_at(
        F.filter(names, lambda name, at: (at > 0) & (name == F.get(names, at - F.lit(1)))), F.lit(1)
    )


def _is_plain_object(text: Column, fence: str) -> Column:
    read = F.try_parse_json(_fenced(text, f'"{fence}":"{fence}"}}'))
    found = F.try_variant_get(read, f"$.{fence}", "string") == fence
    return text.endswith("}") & (F.coalesce(found, F.lit(False)) | text.rlike(_EMPTY))


def _problem_of_object(text: Column, fence: str) -> Column:
    fenced = _fenced(text, f'"{fence}":"{fence}"}}')

    def reads(depth: int, digits: int) -> Column:
        return _reads(fenced, fence, depth, digits)

    return (
        F.when(_has_long_name(text), F.lit(NAME_TOO_LONG))
        .when(~text.endswith("}") | ~reads(_NO_LIMIT, _NO_LIMIT), F.lit(MALFORMED))
        .when(~reads(MAX_DEPTH, _NO_LIMIT), F.lit(TOO_DEEP))
        .when(~reads(MAX_DEPTH, MAX_DIGITS), F.lit(NUMBER_TOO_LONG))
        .otherwise(F.lit(DUPLICATE_KEY))
    )


def _problem_of_array(text: Column, fence: str) -> Column:
    wrapped = F.concat(F.lit('{"array":'), text, F.lit(f',"{fence}":"{fence}"}}'))

    def reads(depth: int, digits: int) -> Column:
        return _reads(wrapped, fence, depth, digits)

    # The wrapping can be broken out of (`[1],"b":[2]`). The last bracket closes the first one if an element before it
    # makes the array longer by one.
    longer = F.json_array_length(_fenced(text, "0]")) == F.json_array_length(text) + 1
    is_one = text.rlike(_EMPTY) | F.coalesce(longer, F.lit(False))
    return (
        F.when(_has_long_name(text), F.lit(NAME_TOO_LONG))
        .when(~text.endswith("]") | ~reads(_NO_LIMIT, _NO_LIMIT), F.lit(MALFORMED))
        .when(~reads(MAX_DEPTH + 1, _NO_LIMIT), F.lit(TOO_DEEP))
        .when(~reads(MAX_DEPTH + 1, MAX_DIGITS), F.lit(NUMBER_TOO_LONG))
        .when(~is_one, F.lit(MALFORMED))
    )


def _is_scalar(text: Column, fence: str) -> Column:
    read = F.try_parse_json(F.concat(F.lit("["), text, F.lit(f',"{fence}"]')))
    return F.coalesce(F.try_variant_get(read, "$[1]", "string") == fence, F.lit(False))


def _fenced(text: Column, fence: str) -> Column:
    """The text with a comma and the fence in the place of its last bracket."""
    return F.concat(F.left(text, F.length(text) - 1), F.lit(f",{fence}"))


def _reads(fenced: Column, fence: str, depth: int, digits: int) -> Column:
    options = {**STRICT, "maxNestingDepth": str(depth), "maxNumLen": str(digits)}
    return F.coalesce(F.from_json(fenced, f"{fence} STRING", options)[fence] == fence, F.lit(False))


def _has_long_name(text: Column) -> Column:
    """Costs copies of the text, and only a long one can have such a name."""
    units = F.regexp_replace(F.regexp_replace(text, _ESCAPE, "_"), r"[\x{10000}-\x{10ffff}]", "__")
    long = units.rlike(rf'"[^"]{{{MAX_NAME + 1},}}+"[ \t\r\n]*+:')
    return F.when(F.length(text) > MAX_NAME // 2, long).otherwise(F.lit(False))
