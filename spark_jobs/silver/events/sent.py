"""The fields of a record as they were sent, character for character.

Spark's readers make numbers of numbers, which are written differently afterwards (10001.0 for 10001, or rounded). So
every number of the text is made a string with a mark before the text is read. The text must be one JSON value.
"""

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from spark_jobs.silver.events.strict import STRICT

SHOWN_CHARACTERS = 80

_MARK = "number:"
# Encloses numbers while the text is rewritten: a control character, which no JSON text contains.
_HERE = "\x01"
# A string, or a number outside of one. Possessive: what has been read is not read again in another way.
_STRING_OR_NUMBER = r'("[^"\\]*+(?:\\.[^"\\]*+)*+")|(-?[0-9][0-9.eE+-]*+)'
_MARKED_WITHIN = rf'"{_MARK}([0-9.eE+-]+)"'


def sent(text: Column, names: Iterable[str]) -> Column:
    """A struct of these fields: numbers with the mark before them, other values as the reader writes them."""
    enclosed = F.regexp_replace(text, _STRING_OR_NUMBER, f"$1{_HERE}$2{_HERE}")
    # Behind a string there are two, with no number between them.
    numbers = F.replace(enclosed, F.lit(_HERE * 2), F.lit(""))
    opened = F.regexp_replace(numbers, f"{_HERE}(?=[-0-9])", f'"{_MARK}')
    as_strings = F.replace(opened, F.lit(_HERE), F.lit('"'))
    return F.from_json(as_strings, ", ".join(f"{name} STRING" for name in names), STRICT)


def number(value: Column) -> Column:
    """The text of a number that `sent` has read; null for anything else."""
    return F.when(value.startswith(_MARK), F.substring(value, len(_MARK) + 1, 2**31 - 1))


def shown(value: Column, kind: Column) -> Column:
    """A value that `sent` has read, for people: JSON text, its first characters only, and no control characters."""
    bare = F.regexp_replace(F.regexp_replace(value, f"^{_MARK}", ""), _MARKED_WITHIN, "$1")
    text = F.when(kind == "string", value).otherwise(bare)
    cut = F.left(text, F.lit(SHOWN_CHARACTERS))
    more = F.when(F.length(text) > SHOWN_CHARACTERS, F.lit("…")).otherwise(F.lit(""))
    return F.concat(F.when(kind == "string", quoted(cut)).otherwise(cut), more)


def quoted(text: Column) -> Column:
    """A text as a JSON string: quotes and control characters are escaped."""
    array = F.to_json(F.array(text))
    return F.when(text.isNotNull(), F.substr(array, F.lit(2), F.length(array) - 2))
