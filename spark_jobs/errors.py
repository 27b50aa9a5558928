"""What can go wrong with a job, in words for the person who reads them."""


class JobError(Exception):
    """A job stopped; its message says why and what to do."""

    exit_code = 1


class GateFailed(JobError):  # noqa: N818 - named after what happened, as the contract has it
    """A gate found a critical expectation broken (or nothing fit to judge); the published table is as it was."""

    exit_code = 3


class SparkUnreachable(JobError):  # noqa: N818 - named after what happened
    """Nothing answers at the Spark Connect address."""

    exit_code = 4
