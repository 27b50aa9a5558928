"""Null adapters: for tests, and for installations without a supervisor of their own."""

from controlplane.health.ports import BrokerNow, BrokerUnreachableError, Process, SupervisorUnreachableError


class NullBroker:
    """A broker in memory; `problem` makes it unreachable."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem

    def ask(self) -> BrokerNow:
        if self.problem:
            raise BrokerUnreachableError(self.problem)
        return BrokerNow("Redis", "0", 0)


class NullSupervisor:
    """Reports the processes that it is given; `problem` makes it unreachable."""

    def __init__(self, *processes: Process, problem: str = "") -> None:
        self.known = {process.name: process for process in processes}
        self.problem = problem

    def processes(self) -> dict[str, Process]:
        if self.problem:
            raise SupervisorUnreachableError(self.problem)
        return self.known
