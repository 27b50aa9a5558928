"""The labels of the interface that tests press and read, each in one place.

A test names a button, a heading, a column or a field by its constant, in unit tests and in the browser alike. A label
that changes on a page changes here, and in no test.
"""


class Ledger:
    RECOUNT = "Count again"
    CHECKS = "Lines"
    CHECK = "Line"
    LEFT = "Left"
    QUARANTINE = "Quarantined by reason"
    REASON = "Reason"


class Stream:
    START = "Start"
    STOP = "Stop"
