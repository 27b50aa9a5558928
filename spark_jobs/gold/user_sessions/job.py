"""The build of lake.gold.user_sessions and its gate."""

from spark_jobs.gold.job import GoldTable
from spark_jobs.gold.user_sessions.expectations import SUITE
from spark_jobs.gold.user_sessions.schema import USER_SESSIONS
from spark_jobs.gold.user_sessions.transform import user_sessions

JOB = GoldTable(name="gold.user_sessions", table=USER_SESSIONS, transform=user_sessions, suite=SUITE)
