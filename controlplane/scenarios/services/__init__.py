"""What people ask of scenarios: keep one, run one, steer, stop or repeat a run."""

from controlplane.scenarios.services.documents import library_sync, scenario_clone, scenario_save
from controlplane.scenarios.services.runs import scenario_run_start, scenario_run_stop, scenario_runs_cut_off
from controlplane.scenarios.services.steering import (
    scenario_run_pause,
    scenario_run_replay,
    scenario_run_resume,
    scenario_run_speed,
)

__all__ = [
    "library_sync", "scenario_clone", "scenario_run_pause", "scenario_run_replay",
    "scenario_run_resume", "scenario_run_speed", "scenario_run_start", "scenario_run_stop", "scenario_runs_cut_off",
    "scenario_save",
]  # fmt: skip
