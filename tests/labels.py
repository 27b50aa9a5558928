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
    LASTS = "The run lasts"
    SHAPE = "Shape"
    RATE = "Rate"
    SHARE = "Of the records"
    ADD_STAGE = "Add a stage"
    DOCUMENT_TAB = "Document"
    DOCUMENT = "The same as YAML or JSON"
    SAVE = "Save"
    SAVE_AND_RUN = "Save and run"

    @staticmethod
    def move_up(stage: int) -> str:
        return f"Move Stage {stage} up"

    @staticmethod
    def remove(stage: int) -> str:
        return f"Remove Stage {stage}"


class RecordingPages:
    UPLOAD_ONE = "Upload a recording"
    UPLOAD = "Upload"
    READ = "Read the file like this"
    MAKE = "Make a scenario of it"
    DELETE = "Delete"

    @staticmethod
    def meaning_of(value: str) -> str:
        """The choice of what a value of the file means."""
        return f"{value} is"


class SchedulePages:
    SCHEDULE = "Schedule it"
    CRON = "Cron expression"
    ONCE = "once"
    TIME = "Time"


class RunPage:
    CONFIRM_STOP = "Stop the run"
    CONFIRM_REPLAY = "Replay the run"
    WAITS = "Waiting for a free place"
    NEXT_IN_LINE = "This run is the next one"
    REPEATED = "the same bytes"

    @staticmethod
    def going_on(number: int, most: int) -> str:
        return f"{number} of {most} runs are going on"

    @staticmethod
    def times(speed: int) -> str:
        """The button of a speed."""
        return f"{speed} times the document's rate"


class ComparePage:
    SAME_BYTES = "The same bytes"
    SAME_DOCUMENT = "Both ran the same document"
