"""Every audited action, and why some have nothing to compare.

A test holds this list to the callers of `acting` and `audit_append`, and performs each action that is compared.
"""

# Kept with before and after.
COMPARED = ""
_SECRET = "A password is never kept. The details say how many sessions and tokens ended."  # noqa: S105 - prose

ACTIONS: dict[str, str] = {
    "audit.export": "An export changes nothing.",
    "audit.purge": COMPARED,
    "dag_run.trigger": COMPARED,
    "ledger.count": COMPARED,
    "person.change": COMPARED,
    "person.change-email": COMPARED,
    "person.change-password": _SECRET,
    "person.change-time-zone": COMPARED,
    "person.connect-sso": COMPARED,
    "person.create": COMPARED,
    "person.disconnect-sso": COMPARED,
    "person.forgot-password": "Asking for a link changes nothing. The link is a row of its own.",
    "person.invite": COMPARED,
    "person.reset-link": COMPARED,
    "person.revoke-link": COMPARED,
    "person.sign-in": "Signing in begins a session and changes nothing else.",
    "person.sign-out": "Signing out ends the session that the row names, and changes nothing else.",
    "person.use-link": _SECRET,
    "recording.delete": COMPARED,
    "recording.read": COMPARED,
    "recording.upload": COMPARED,
    "scenario.pause": COMPARED,
    "scenario.replay": COMPARED,
    "scenario.resume": COMPARED,
    "scenario.run": COMPARED,
    "scenario.save": COMPARED,
    "scenario.speed": COMPARED,
    "scenario.stop": COMPARED,
    "schedule.change": COMPARED,
    "schedule.create": COMPARED,
    "schedule.delete": COMPARED,
    "schedule.pause": COMPARED,
    "schedule.resume": COMPARED,
    "service-account.change": COMPARED,
    "service-account.create": COMPARED,
    "session.end": COMPARED,
    "session.end-all": COMPARED,
    "spark_job.submit": COMPARED,
    "stream.configure": COMPARED,
    "stream.start": COMPARED,
    "stream.stop": COMPARED,
    "token.create": COMPARED,
    "token.revoke": COMPARED,
}
