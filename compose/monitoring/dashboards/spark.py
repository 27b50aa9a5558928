"""The Spark Connect server: memory, tasks, threads."""

from compose.monitoring.dashboards.panels import Chart, Figure, Panel

UID, TITLE = "lakehouse-spark", "Spark"
TEXT = "The Spark Connect server, by its own Prometheus servlets."
DRIVER = "metrics_lakehouse_driver"

PANELS: tuple[Panel, ...] = (
    Figure("Jobs under way", f"{DRIVER}_DAGScheduler_job_activeJobs_Value"),
    Figure("Stages running", f"{DRIVER}_DAGScheduler_stage_runningStages_Value"),
    Figure("Stages waiting", f"{DRIVER}_DAGScheduler_stage_waitingStages_Value"),
    Figure("Heap used", f"{DRIVER}_jvm_heap_used_Value", "bytes"),
    Figure("Cores", "metrics_executor_totalCores"),
    Figure("Tasks failed", "metrics_executor_failedTasks_total"),
    Chart(
        "Heap",
        (
            (f"{DRIVER}_jvm_heap_used_Value", "used"),
            (f"{DRIVER}_jvm_heap_committed_Value", "committed"),
            (f"{DRIVER}_jvm_heap_max_Value", "most"),
        ),
        "bytes",
    ),
    Chart(
        "Tasks",
        (
            ("rate(metrics_executor_completedTasks_total[1m])", "completed a second"),
            ("metrics_executor_activeTasks", "running"),
        ),
    ),
    Chart(
        "Jobs and stages",
        (
            (f"{DRIVER}_DAGScheduler_job_allJobs_Value", "jobs so far"),
            (f"{DRIVER}_DAGScheduler_stage_runningStages_Value", "stages running"),
        ),
    ),
    Chart(
        "Shuffle, bytes a second",
        (
            ("rate(metrics_executor_totalShuffleRead_bytes_total[1m])", "read"),
            ("rate(metrics_executor_totalShuffleWrite_bytes_total[1m])", "written"),
        ),
        "Bps",
    ),
    Chart(
        "Time in garbage collection",
        (("rate(metrics_executor_totalGCTime_seconds_total[1m])", "share"),),
        "percentunit",
    ),
    Chart(
        "Spark jobs that ended",
        (("lakehouse_spark_jobs_ended_total", "{{job}} {{state}}"),),
        text="Those asked for from the control plane.",
    ),
)
