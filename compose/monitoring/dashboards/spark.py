"""The Spark Connect server: memory, tasks, threads."""

from compose.monitoring.dashboards.panels import Chart, Figure, Panel

UID, TITLE = "lakehouse-spark", "Spark"
TEXT = "The Spark Connect server, from its own Prometheus endpoints."
DRIVER = "metrics_lakehouse_driver"

PANELS: tuple[Panel, ...] = (
    Figure("Jobs in progress", f"{DRIVER}_DAGScheduler_job_activeJobs_Value"),
    Figure("Stages running", f"{DRIVER}_DAGScheduler_stage_runningStages_Value"),
    Figure("Stages waiting", f"{DRIVER}_DAGScheduler_stage_waitingStages_Value"),
    Figure("Used heap", f"{DRIVER}_jvm_heap_used_Value", "bytes"),
    Figure("Cores", "metrics_executor_totalCores"),
    Figure("Failed tasks", "metrics_executor_failedTasks_total"),
    Chart(
        "Heap",
        (
            (f"{DRIVER}_jvm_heap_used_Value", "used"),
            (f"{DRIVER}_jvm_heap_committed_Value", "committed"),
            (f"{DRIVER}_jvm_heap_max_Value", "maximum"),
        ),
        "bytes",
    ),
    Chart(
        "Tasks",
        (
            ("rate(metrics_executor_completedTasks_total[1m])", "completed per second"),
            ("metrics_executor_activeTasks", "running"),
        ),
    ),
    Chart(
        "Jobs and stages",
        (
            (f"{DRIVER}_DAGScheduler_job_allJobs_Value", "jobs in total"),
            (f"{DRIVER}_DAGScheduler_stage_runningStages_Value", "stages running"),
        ),
    ),
    Chart(
        "Shuffle bytes per second",
        (
            ("rate(metrics_executor_totalShuffleRead_bytes_total[1m])", "read"),
            ("rate(metrics_executor_totalShuffleWrite_bytes_total[1m])", "written"),
        ),
        "Bps",
    ),
    Chart(
        "Garbage collection time",
        (("rate(metrics_executor_totalGCTime_seconds_total[1m])", "share"),),
        "percentunit",
    ),
    Chart(
        "Finished Spark jobs",
        (("lakehouse_spark_jobs_ended_total", "{{job}} {{state}}"),),
        text="Jobs started from the control plane.",
    ),
)
