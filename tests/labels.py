"""The labels of the interface that tests press and read, each in one place.

A test names a button, a heading, a column or a field by its constant, in unit tests and in the browser alike. A label
that changes on a page changes here, and in no test.
"""

from typing import ClassVar


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
    START_ANEW = "Restart with a new checkpoint"
    PUT_IN_FORCE = "Put in force"
    STATE = "State of the stream"
    RATE = "Rows into bronze"
    CONFIGURATION = "Configuration"
    BATCHES = "Batches"
    BATCH_ROWS = "Rows"
    WRITING = "Read and write"
    PLACE = "Place"
    ARRIVED = "Arrived"
    VALUE = "Value"
    HEADERS = "Headers"
    NO_TIME = "no time"
    NOT_COMMITTED = "behind an open transaction"
    CREATED_AGAIN = "deleted and created again"
    DELETED = "was deleted"
    NOTHING_LOST = "Every record of the deleted topic"
    BEGINS_AT = "begins at"
    ENDS_AT = "ends at"


class Scenario:
    SEED = "Seed"
    YAML = "YAML"

    @staticmethod
    def run(what: str) -> str:
        return f"Run {what}"


class Run:
    ALL = "Runs"
    CLEAR_FILTERS = "Clear filters"
    COMPARE = "Compare"
    COMPARE_CHOSEN = "Compare selected"
    ERRORS = "Delivery errors"
    FAULTS = "Injected faults"
    GOOD_ONLY = "defines no faults"
    NEXT = "next"
    NONE_MADE = "before the first fault"
    NONE_YET = "No faults injected yet"
    NOT_KNOWN_YET = "Replay; digest pending"
    NOT_YET = "not yet"
    OTHER = "payload differs"
    PAUSE = "Pause"
    REASON = "Expected quarantine reason"
    RECENT = "Recent runs"
    RECORDS = "Records"
    REPEATED_BY = "Replays"
    REPLAY = "Replay"
    RESUME = "Resume"
    SAME = "identical"
    SET_RATE = "Set rate"
    STARTED = "Started"
    STATE = "State"
    STOP = "Stop"

    @staticmethod
    def place(number: int) -> str:
        return f"position {number}"

    @staticmethod
    def speed(times: str) -> str:
        return f"{times}× the defined rate"  # noqa: RUF001 - as on the page


class RunLimits:
    TITLE = "Abort thresholds"
    LAST = "Last value"
    NOT_MEASURED = "not measured"
    STANDING = "Status"
    STOPS_WHEN = "Threshold"
    UNKNOWN = "unknown"


class Compared:
    DIFFERS = "differs"
    DOCUMENT = "Definition"
    FIELD = "Field"
    FIRST = "First"
    OUTCOME = "Results"
    SECOND = "Second"


class Editor:
    RECORDS = "Records"
    SAVE = "Save"
    SAVE_AND_RUN = "Save and run"
    SOURCE = "Recording"
    TOO_LARGE = "too large to be read"


class Recording:
    BEGINS = "Sample"
    COLUMN = "Column"
    COLUMNS = "File columns"
    DELETE = "Delete"
    DERIVED = "derived"
    EVENTS = "Events"
    FIELD = "Field"
    LEFT_OUT = "Skipped"
    MADE = "Transformation"
    MAKE = "Create scenario"
    NAME = "Recording"
    ORIGINS = "Column mapping"
    READ_AS = "Mapping"
    ROWS = "Rows in file"
    SPAN = "Time span"
    USED_BY = "Used by scenarios"


class Schedule:
    CREATE = "Create schedule"
    DELETE = "Delete"
    LAST = "Last outcome"
    NEXT = "Next runs"
    NOT_YET = "never"
    OWNER = "Run as"
    PAUSE = "Pause"
    RESUME = "Resume"
    SAVE = "Save"
    SCENARIO = "Scenario"
    SCHEDULE = "Schedule"
    SEED = "Seed"
    TIME = "Due"
    WHEN = "Frequency"
    WHY = "Reason"


class Lists:
    """What every list of several pages has."""

    NEXT_PAGE = "Next page"
    CLEAR = "Clear the filters"
    FILTER = "Filter"
    OLDEST_FIRST = "oldest first"
    WRITTEN_LAST_FIRST = "written last first"
    SINCE = "From"


class Actions:
    """Buttons that several rooms have."""

    UNDO = "Undo"


class Said:
    """Phrases that tell one message from another where nothing else does."""

    WRONG = "is wrong"


class Activity:
    RESOURCE = "Resource"
    FIELD = "Field"
    BEFORE = "Before"
    AFTER = "After"
    CHANGES = "Changes"
    HASH = "Hash"
    ADDRESS = "Address"
    NEXT = "Next"
    PREVIOUS = "Previous"
    NEVER_VERIFIED = "never verified"


class SignIn:
    NAME = "Name"
    PASSWORD = "Password"
    SIGN_IN = "Sign in"
    SIGN_OUT = "Sign out"
    BY_PASSKEY = "Sign in with a passkey"
    PASSKEY = "Use a passkey"
    PASSKEY_REFUSED = "The passkey was not accepted"
    NO_PASSKEY = "No passkey was used"
    CODE = "Code"
    RECOVERY_CODE = "Recovery code"
    CONTINUE = "Continue"
    FAILED = "Sign-in failed"
    BACK = "Back to the sign-in page"
    BACK_TO_SETTINGS = "Back to Settings"
    SAVE_PASSWORD = "Save and sign in"
    LEFT_OVER = "older than a minute"
    TOO_OLD = "This form is too old"
    OWN_NAME = "under a name of its own"
    EXPIRED = "within 5 minutes"
    USED = "was used already"
    NOT_CHECKED = "was not checked"
    NOT_ACCEPTED = "was not accepted"
    ONE_MORE_STEP = "One more step"
    WEAK = "This password is"
    NEW_PASSWORD = "Choose a new password"
    LINK_NOT_VALID = "Link not valid"
    NO_LINK = "This link is not valid"
    SIGNED_OUT = "You have signed out"
    OVER = "This sign-in is over"

    @staticmethod
    def at(provider: str) -> str:
        """The button that leads to a provider of single sign-on."""
        return f"Sign in with {provider}"

    @staticmethod
    def again_at(provider: str) -> str:
        """The button that verifies a person there."""
        return f"Sign in at {provider} again"


class People:
    SIGNS_IN_WITH = "Signs in with"
    USERNAME = "Username"
    TWO_STEP = "Two-step verification"
    DEACTIVATE = "Deactivate"
    ACTIVATE = "Activate"
    REVOKE = "Revoke"
    RESET = "Reset"
    FACTOR = "Second factor"
    INVITE = "Create invitation"
    ORPHANED = "Orphaned: its tokens are rejected"
    CREATE_TOKEN = "Create token"
    LAST_USED = "Last used"
    SSO = "Single sign-on"
    SUBJECT = "Subject"
    CONNECT = "Connect"
    DISCONNECT = "Disconnect"

    @staticmethod
    def tokens_of(name: str) -> str:
        """The heading of a person's tokens."""
        return f"API tokens of {name}"


class OwnSettings:
    SESSIONS = "Sessions"
    BROWSER = "Browser"
    ADDRESS = "Address"
    THIS_ONE = "this one"
    TOKENS = "API tokens"
    STATE = "State"
    OWN_ACCOUNTS = "Service accounts that you own"
    OWN_PASSWORD = "Your password"
    APP = "Authenticator app"
    SET_UP_APP = "Set up authenticator app"
    PICTURE = "QR code"
    ADD_PASSKEY = "Add passkey"
    PASSKEY_NAME = "Name"
    LAST_USED = "last used"
    NEVER = "never"
    ANOTHER_KEY = "Another key"
    OFF = "is off"
    SETTING_UP = "Set up two-step verification"
    DOWNLOAD = "Download"
    RECOVERY_CODES = "Recovery codes"
    WARNINGS: ClassVar = {"expires_soon": "expires soon", "unused": "not used for 90 days"}

    @staticmethod
    def connect(provider: str) -> str:
        """The button that connects an account of a provider."""
        return f"Connect {provider}"

    @staticmethod
    def whose(name: str, role: str) -> str:
        """What stands below the heading."""
        return f"Yours: {name}, {role}."


class FirstPage:
    HEADING = "Overview"


class Medallion:
    RUN = "Run medallion"


class StreamCharts:
    DAY = "24 h"


class TablePage:
    STAMPS = "What its writer said of it"


class Search:
    BOX = "Search"

    @staticmethod
    def nothing(text: str) -> str:
        """What stands where nothing is found."""
        return f"Nothing is named {text}"


class ScenarioList:
    RECORDINGS = "Recordings"

    @staticmethod
    def run(name: str) -> str:
        return f"Run {name}"

    @staticmethod
    def clone(name: str) -> str:
        return f"Clone {name}"


class EditorPage:
    NAME = "Name"
    ONE_ERROR = "1 error"
    SHAPE = "Shape"
    RATE = "Rate"
    SHARE = "Fault rate"
    ADD_STAGE = "Add stage"
    DOCUMENT_TAB = "YAML"
    DOCUMENT = "YAML or JSON"
    SAVE = "Save"
    SAVE_AND_RUN = "Save and run"

    @staticmethod
    def move_up(stage: int) -> str:
        return f"Move Stage {stage} up"

    @staticmethod
    def remove(stage: int) -> str:
        return f"Remove Stage {stage}"


class RecordingPages:
    UPLOAD_ONE = "Upload recording"
    UPLOAD = "Upload"
    READ = "Import"
    MAKE = "Create scenario"
    DELETE = "Delete"

    @staticmethod
    def meaning_of(value: str) -> str:
        """The choice of what a value of the file means."""
        return f"{value} maps to"


class SchedulePages:
    SCHEDULE = "Schedule"
    CREATE = "Create schedule"
    CRON = "Cron expression"
    ONCE = "Once"
    TIME = "Time"
    OVER = "ended"


class RunPage:
    CONFIRM_STOP = "Stop run"
    CONFIRM_REPLAY = "Replay run"
    NEXT_IN_LINE = "This run is next in the queue"
    REPEATED = "Identical to original"

    @staticmethod
    def going_on(number: int, most: int) -> str:
        return f"{number} of {most} run slots in use"

    @staticmethod
    def times(speed: int) -> str:
        """The button of a speed."""
        return f"{speed}× the defined rate"  # noqa: RUF001 - as on the page


class ComparePage:
    SAME_BYTES = "Identical payload"
    SAME_DOCUMENT = "Both runs use the same definition"


class Everywhere:
    UNDO = "Undo"
    NEXT_PAGE = "Next page"
    CLEAR_FILTERS = "Clear the filters"


class Runs:
    STATE = "State of the run"
    RUN_MEDALLION = "Run medallion"
    RUN_JOB = "Run job"
    RUN = "Run"
    NAME = "Name"
    SNAPSHOTS = "What it read and wrote"
    MADE_SNAPSHOT = "Snapshot"
    READ_FROM = "Read from"
    EMPTY_THEN = "empty then"
    NONE_YET = "No snapshot yet"
    NONE_KEPT = "No snapshot of this run is kept"
    WAITS_FOR_SCHEDULER = "Waits for Airflow's scheduler."
    WAITS_FOR = "Waits for {}, which runs."
    PAUSED = "is paused in Airflow"
    UNPAUSES = "sending the run unpauses it"
    AIRFLOW_AWAY = "sent when it is back"
    UNKNOWN_DAG = "Airflow does not know the DAG {} yet."
    DELETED = "Deleted in Airflow."
    DELETED_UNFINISHED = "Deleted in Airflow before it ended."
    WORKER_DIED = "Its worker died {} times."


class Quality:
    EXPECTATIONS = "Expectations"
    EXPECTATION = "Expectation"
    UNEXPECTED = "Unexpected"
    ROWS = "Rows"


class Lakehouse:
    TABLE = "Table"
    ROWS = "Rows"
    LAST_SNAPSHOT = "Last snapshot"
    PARTITIONED_BY = "Partitioned by"
    NOTHING_WRITTEN = "nothing written yet"
    BEFORE_DELETES = "before deletes"
    MADE = "Made"
    OPERATION = "Operation"
    RECORDS = "Records"
    NOT_PUBLISHED = "not published"
    SCHEMA = "Schema"
    COLUMN = "Column"
    TYPE = "Type"
    REPAIR = "drop the table from the catalogue"


class Bi:
    TRUST = "Whether these numbers can be trusted"
    BEHIND = "silver is newer"
    NOT_PUBLISHED = "has not been published yet"
    NO_ROWS = "it is empty"
    CATALOGUE_AWAY = "database does not answer"
    WAREHOUSE_AWAY = "The warehouse does not answer"
    NOT_JUDGED = "no validation of this snapshot"
    DOWNLOAD = "Download these {} rows (CSV)"
    REVENUE = "Revenue ({})"
    UNITS = "Units"
    UNIT_REVENUE = "Revenue a unit ({})"
    SESSIONS = "Sessions"
    BOUGHT = "Bought something"
    DURATION = "Median duration (s)"


class Overview:
    GUIDE = "Three steps to the first numbers"
    HAPPENINGS = "What happened last"
    CONSOLES = "Consoles"
    NO_RATE = "rate unknown"
    UNREADABLE = "can't be read"
    NOT_SEEN = "Not seen yet."
    NOT_LOOKED_AT = "Not looked at since then."
    NOBODY_LOOKS = "{} is down, so nobody looks."
    BEING_STARTED = "is being started."
    UP_TO_DATE = "up to date"
    NEW_ROWS = "new rows wait"
    TABLES_BEHIND = "{} of {} behind"
    SUITES = "{} of {} suites"
    NOT_MET = "{} not met"
    IN_QUARANTINE = "{} in quarantine"
    NEVER_BUILT = "Gold has not been built"
    BUILT_UNKNOWN = "When gold was built is unknown"
    NOT_BUILT = "Not built yet: {}"
    ONE_BEHIND = "1 gold table is behind silver"
    NOT_JUDGED = "Not judged yet: {}"
    SUITES_HOLD = "All {} suites hold"


class Errors:
    DATABASE_AWAY = "The database does not answer"
    NOTHING_HERE = "There is nothing at this address"
    FAILED = "Something went wrong here"


class Runbooks:
    WHAT_TO_DO = "What to do"
