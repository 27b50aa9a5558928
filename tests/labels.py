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


class Scenario:
    SEED = "Seed"
    YAML = "YAML"

    @staticmethod
    def run(what: str) -> str:
        return f"Run {what}"


class Run:
    ALL = "Runs"
    CLEAR_FILTERS = "Clear the filters"
    COMPARE = "Compare"
    COMPARE_CHOSEN = "Compare the two chosen"
    ERRORS = "Why records failed"
    FAULTS = "Injected on purpose"
    GOOD_ONLY = "good records only"
    NEXT = "next"
    NONE_MADE = "before a fault was made"
    NONE_YET = "Nothing yet"
    NOT_KNOWN_YET = "repeats a run"
    NOT_YET = "not yet"
    OTHER = "other bytes"
    PAUSE = "Pause"
    REASON = "Quarantine must say"
    RECENT = "Recent runs"
    RECORDS = "Records"
    REPEATED_BY = "Repeated by"
    REPLAY = "Replay"
    RESUME = "Resume"
    SAME = "same bytes"
    SET_RATE = "Set the rate"
    STARTED = "Started"
    STATE = "State"
    STOP = "Stop"

    @staticmethod
    def place(number: int) -> str:
        return f"number {number}"

    @staticmethod
    def speed(times: str) -> str:
        return f"{times} times the document's rate"


class RunLimits:
    TITLE = "Limits that stop the run"
    LAST = "Last value"
    NOT_MEASURED = "not measured"
    STANDING = "Standing"
    STOPS_WHEN = "Stops when"
    UNKNOWN = "unknown"


class Compared:
    DIFFERS = "differs"
    DOCUMENT = "Document"
    FIELD = "Field"
    FIRST = "First"
    OUTCOME = "What came of them"
    SECOND = "Second"


class Editor:
    RECORDS = "Records"
    SAVE = "Save"
    SAVE_AND_RUN = "Save and run"
    SOURCE = "A recording"
    TOO_LARGE = "too large to be read"


class Recording:
    BEGINS = "Begins with"
    COLUMN = "Column"
    COLUMNS = "The file's columns"
    DELETE = "Delete"
    DERIVED = "derived"
    EVENTS = "Events"
    FIELD = "Field"
    LEFT_OUT = "Left out"
    MADE = "What is made of it"
    MAKE = "Make a scenario of it"
    NAME = "Recording"
    ORIGINS = "What comes from where"
    READ_AS = "Read as"
    ROWS = "Rows of the file"
    SPAN = "Span"
    USED_BY = "Scenarios that use it"


class Schedule:
    DELETE = "Delete"
    LAST = "Last"
    NEXT = "Next times"
    NOT_YET = "not yet"
    OWNER = "In the name of"
    PAUSE = "Pause"
    RESUME = "Resume"
    SAVE = "Save"
    SCENARIO = "Scenario"
    SCHEDULE = "Schedule it"
    SEED = "Seed"
    TIME = "Time"
    WHEN = "When"
    WHY = "Why"
