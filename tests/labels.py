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
    START_ANEW = "Restart with a new checkpoint"
    PUT_IN_FORCE = "Put in force"
    STATE = "State of the stream"
    RATE = "Rows into bronze"
    CONFIGURATION = "Configuration"
    BATCHES = "Batches"
    BATCH_ROWS = "Rows"
    WRITING = "Read and write"
    # Of the newest records.
    PLACE = "Place"
    ARRIVED = "Arrived"
    VALUE = "Value"
    HEADERS = "Headers"
    NO_TIME = "no time"
    NOT_COMMITTED = "behind an open transaction"
    # What is said of a topic that no longer fits.
    CREATED_AGAIN = "deleted and created again"
    DELETED = "was deleted"
    NOTHING_LOST = "Every record of the deleted topic"
    BEGINS_AT = "begins at"
    ENDS_AT = "ends at"


class Everywhere:
    UNDO = "Undo"
    NEXT_PAGE = "Next page"
    CLEAR_FILTERS = "Clear the filters"


class Runs:
    STATE = "State of the run"
    RUN_MEDALLION = "Run medallion"
    RUN_JOB = "Run job"
    # Of the list.
    RUN = "Run"
    NAME = "Name"
    # Of what a run read and wrote.
    SNAPSHOTS = "What it read and wrote"
    MADE_SNAPSHOT = "Snapshot"
    READ_FROM = "Read from"
    EMPTY_THEN = "empty then"
    NONE_YET = "No snapshot yet"
    NONE_KEPT = "No snapshot of this run is kept"
    # What is said of a run.
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
    # Of the snapshots of a table.
    MADE = "Made"
    OPERATION = "Operation"
    RECORDS = "Records"
    NOT_PUBLISHED = "not published"
    # Of its schema.
    SCHEMA = "Schema"
    COLUMN = "Column"
    TYPE = "Type"
    # Of a table that can't be read.
    REPAIR = "drop the table from the catalogue"


class Bi:
    TRUST = "Whether these numbers can be trusted"
    BEHIND = "silver is newer"
    # Of the views in Streamlit.
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
    # Of the table of parts and the flow, where a table can't be read.
    UNREADABLE = "can't be read"
    # What is said of a part.
    NOT_SEEN = "Not seen yet."
    NOT_LOOKED_AT = "Not looked at since then."
    NOBODY_LOOKS = "{} is down, so nobody looks."
    BEING_STARTED = "is being started."
    # What is said in the flow.
    UP_TO_DATE = "up to date"
    NEW_ROWS = "new rows wait"
    TABLES_BEHIND = "{} of {} behind"
    SUITES = "{} of {} suites"
    NOT_MET = "{} not met"
    IN_QUARANTINE = "{} in quarantine"
    # What is said of trust.
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
