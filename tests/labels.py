"""The labels of the interface that tests press and read, each in one place.

A test names a button, a heading, a column or a field by its constant, in unit tests and in the browser alike. A label
that changes on a page changes here, and in no test.
"""

from typing import ClassVar


class Ledger:
    RECOMPUTE = "Recompute"
    CHECKS = "Checks"
    CHECK = "Check"
    SOURCE = "Source"
    QUARANTINE = "Quarantined by reason"
    REASON = "Reason"


class Stream:
    START = "Start"
    STOP = "Stop"
    RESTART = "Restart with new checkpoint"
    APPLY = "Apply"
    STATE = "State of the stream"
    RATE = "Ingest rate"
    CONFIGURATION = "Configuration"
    BATCHES = "Batches"
    BATCH_ROWS = "Rows"
    PROCESSING = "Processing"
    OFFSET = "Partition:offset"
    TIMESTAMP = "Timestamp"
    VALUE = "Value"
    HEADERS = "Headers"
    NO_TIME = "no timestamp"
    NOT_COMMITTED = "behind an open transaction"
    CREATED_AGAIN = "deleted and created again"
    DELETED = "was deleted"
    NOTHING_LOST = "Every known record of the deleted topic"
    BEGINS_AT = "topic starts at"
    ENDS_AT = "topic ends at"


class Scenario:
    SEED = "Seed"
    YAML = "YAML"

    @staticmethod
    def run(what: str) -> str:
        return f"Run {what}"


class Run:
    ALL = "Runs"
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
        return f"{times}× the defined rate"


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
    TOO_LARGE = "Request too large"


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

    APPLY = "Apply"
    OLDEST_FIRST = "Oldest first"
    NEWEST_COMMIT_FIRST = "Newest commit first"
    SINCE = "From"


class Said:
    """Phrases that tell one message from another where nothing else does."""

    WRONG = "incorrect"


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
    NAME = "Username"
    PASSWORD = "Password"
    SIGN_IN = "Sign in"
    SIGN_OUT = "Sign out"
    BY_PASSKEY = "Sign in with a passkey"
    PASSKEY = "Use a passkey"
    PASSKEY_REFUSED = "The passkey was not accepted"
    NO_PASSKEY = "The passkey request was cancelled"
    CODE = "Code"
    RECOVERY_CODE = "Recovery code"
    CONTINUE = "Continue"
    WRONG = "Incorrect username or password"
    FAILED = "Sign-in failed"
    BACK = "Back to sign in"
    BACK_TO_SETTINGS = "Back to Settings"
    SAVE_PASSWORD = "Save and sign in"
    LEFT_OVER = "expired after one minute"
    TOO_OLD = "Form expired"
    OWN_NAME = "the application's own host name"
    EXPIRED = "within 5 minutes"
    USED = "was already used"
    NOT_CHECKED = "was not verified"
    NOT_ACCEPTED = "was not accepted"
    ONE_MORE_STEP = "One more step"
    SHORT = "This password is too short"
    WEAK = "The password is easy to guess"
    NEW_PASSWORD = "Choose a new password"
    LINK_NOT_VALID = "Invalid link"
    NO_LINK = "Invalid link."
    SIGNED_OUT = "You have signed out"
    OVER = "This sign-in has expired"

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
    ORPHANED = "Orphaned: tokens are rejected"
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
    THIS_ONE = "current"
    TOKENS = "API tokens"
    STATE = "State"
    OWN_ACCOUNTS = "Service accounts that you own"
    APP = "Authenticator app"
    SET_UP_APP = "Set up authenticator app"
    PICTURE = "QR code"
    ADD_PASSKEY = "Add passkey"
    PASSKEY_NAME = "Name"
    LAST_USED = "last used"
    NEVER = "never"
    ANOTHER_KEY = "Generate new key"
    OFF = "is off"
    SETTING_UP = "Set up two-step verification"
    DOWNLOAD = "Download"
    RECOVERY_CODES = "Recovery codes"
    WARNINGS: ClassVar = {"expires_soon": "expires soon", "unused": "not used for 90 days"}
    CURRENT_PASSWORD = "Current password"

    @staticmethod
    def password_to_connect(provider: str) -> str:
        """The field of the password that connects an account of a provider."""
        return f"Password, to connect {provider}"

    @staticmethod
    def connect(provider: str) -> str:
        """The button that connects an account of a provider."""
        return f"Connect {provider}"

    @staticmethod
    def whose(name: str, role: str) -> str:
        """What stands below the heading."""
        return f"Your profile: {name}, {role}"


class FirstPage:
    HEADING = "Overview"


class StreamCharts:
    DAY = "24 h"


class TablePage:
    SUMMARY = "Snapshot summary"


class Search:
    BOX = "Search"

    @staticmethod
    def nothing(text: str) -> str:
        """What stands where nothing is found."""
        return f"No results for {text}"


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
    DOCUMENT = "YAML or JSON"

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

    @staticmethod
    def meaning_of(value: str) -> str:
        """The choice of what a value of the file means."""
        return f"{value} maps to"


class SchedulePages:
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
        return f"{speed}× the defined rate"


class ComparePage:
    SAME_BYTES = "Identical payload"
    SAME_DOCUMENT = "Both runs use the same definition"


class Everywhere:
    UNDO = "Undo"
    NEXT_PAGE = "Next page"
    CLEAR_FILTERS = "Clear filters"


class Runs:
    STATE = "State of the run"
    TRIGGER_MEDALLION = "Trigger medallion"
    RUN_JOB = "Run Spark job"
    RUN = "Run"
    NAME = "Name"
    SNAPSHOTS = "Inputs and outputs"
    MADE_SNAPSHOT = "Snapshot"
    SOURCE = "Source"
    EMPTY_THEN = "empty at that time"
    NONE_YET = "No snapshots yet"
    NONE_KEPT = "wrote no snapshots"
    WAITS_FOR_SCHEDULER = "Waiting for Airflow's scheduler."
    WAITS_FOR = "Waiting for {}, which is running."
    PAUSED = "is paused in Airflow"
    UNPAUSES = "the trigger unpauses it"
    AIRFLOW_AWAY = "sent when Airflow is back"
    UNKNOWN_DAG = "Airflow has no DAG {} yet."
    DELETED = "Deleted in Airflow."
    DELETED_UNFINISHED = "Deleted in Airflow before it ended."
    WORKER_DIED = "The worker died {} times while running this job."


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
    NOTHING_WRITTEN = "no snapshots yet"
    BEFORE_DELETES = "before deletes"
    OPERATION = "Operation"
    RECORDS = "Records"
    NOT_PUBLISHED = "not published"
    SCHEMA = "Schema"
    COLUMN = "Column"
    TYPE = "Type"
    REPAIR = "drop the table from the catalog"
    RETRY = "Retry when the catalog is reachable"


class Bi:
    TRUST = "Data trust"
    BEHIND = "silver is newer"
    NOT_PUBLISHED = "has not been published yet"
    NO_ROWS = "published but empty"
    NO_MATCH = "No rows match"
    NOT_SHOWN = "can't be shown."
    SHOWN_EMPTY = "What can't be read is shown empty."
    UNREADABLE_DOCUMENTS = "{} documents can't be read"
    EMPTY = "(empty)"
    CATALOG_AWAY = "database does not respond"
    WAREHOUSE_AWAY = "The warehouse does not respond"
    NOT_VALIDATED = "no validation of this snapshot"
    DOWNLOAD = "Download {} rows (CSV)"
    REVENUE = "Revenue ({})"
    UNITS = "Units"
    UNIT_REVENUE = "Revenue per unit ({})"
    SESSIONS = "Sessions"
    CONVERSION = "Conversion"
    DURATION = "Median duration (s)"


class Health:
    NOT_CHECKED = "Not checked yet."
    NOT_CHECKED_SINCE = "Not checked since then."
    CHECKS_STOPPED = "{} is down, so checks do not run."
    STARTING = "is starting."


class Overview:
    GUIDE = "Get started"
    ACTIVITY = "Recent activity"
    CONSOLES = "External tools"
    NO_RATE = "rate unknown"
    VIEW_ALL = "View all"
    UNREADABLE = "unreadable"
    UP_TO_DATE = "up to date"
    NEW_ROWS = "new rows pending"
    TABLES_BEHIND = "{} of {} out of date"
    SUITES = "{} of {} suites"
    FAILED = "{} failed expectations"
    IN_QUARANTINE = "{} in quarantine"
    NEVER_BUILT = "Gold has not been built"
    BUILT_UNKNOWN = "Build time of gold is unknown"
    NOT_BUILT = "Not built yet: {}"
    ONE_BEHIND = "1 gold table is behind silver"
    NOT_VALIDATED = "Not validated: {}"
    SUITES_PASSED = "All {} suites passed"


class Errors:
    DATABASE_AWAY = "Database unavailable"
    NOT_FOUND = "Page not found"
    FAILED = "Internal server error"


class Runbooks:
    WHAT_TO_DO = "What to do"
