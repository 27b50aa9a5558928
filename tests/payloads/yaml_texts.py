"""Scenario documents that use YAML for something other than plain keys and values.

REFUSED holds what no document may have; VALUES a name as it is written and the text that it means, or None where it
means a value that is no text and is refused at its field.
"""

REFUSED = (
    "!!python/object/apply:os.system ['id']", "!!python/object/new:os.system ['id']",
    "!!python/name:os.system", "!!python/module:os", "!!python/object:os.system {}", "!!python/tuple [1]",
    "!!python/object/apply:subprocess.Popen [['id']]", "!!javax.script.ScriptEngineManager []",
    "!ruby/object:Gem::Requirement {}", "!!map {a: 1}", "!include /etc/passwd", "!ENV ${SECRET}", "!vault x", "!<x> y",
    "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]", "!!binary aWQ=", "!!timestamp 2026-01-01", "!!bool maybe",
    "!!float x", "!!int x", "!!null x", "[*a]", "{<<: *a}", "{<<: {name: x}}", "{? [a] : b}", "{a: 1, a: 2}",
    "*missing", "%YAML 9.9", "@x", "`x`", "[1, 2", "{a: b", '"x', "'x", "- a\n  - b: [", "\tx: 1", "a: b: c",
)  # fmt: skip
VALUES = (
    ("&a x", "x"),
    ("yes", None), ("no", None), ("on", None), ("off", None), ("true", None), ("null", None), ("~", None), ("", None),
    ("1", None), ("1.5", None), ("1_000", None), ("0o17", "0o17"), ("017", None), ("0x1F", None), ("0b1", None),
    ("12:30:45", None), ("2026-11-29", None), ("2026-11-29T10:00:00Z", None), (".inf", None), (".nan", None),
    ("-.inf", None), ("1e3", None), ("1e+3", None), ("=", None), ("<<", None), ("'yes'", "yes"), ('"null"', "null"),
    ("'1'", "1"), ("'2026-11-29'", "2026-11-29"), ("'!!python/name:os.system'", "!!python/name:os.system"),
    ("'&a *b'", "&a *b"), ("'{{ 7*7 }}'", "{{ 7*7 }}"), ("a#b", "a#b"), ("a #b", "a"), ("'a: b'", "a: b"),
    ("'it''s'", "it's"), ('"\\u00e9"', "\u00e9"), ('"\\x41"', "A"), ("|\n  x", None), (">-\n  x\n  y", "x y"),
    ("N", "N"), ("y", "y"), ("NULL", None), ("Yes", None), ("1.2.3.4", "1.2.3.4"), ("1,000", "1,000"),
    ('"\\0"', None), ('"a\\nb"', None),
)  # fmt: skip
