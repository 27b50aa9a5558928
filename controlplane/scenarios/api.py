"""The scenario operations of the REST API."""

from ninja import Router

from controlplane.scenarios.documents.api import router as documents
from controlplane.scenarios.recordings.api import router as recordings
from controlplane.scenarios.runs.api import router as runs
from controlplane.scenarios.schedules.api import router as schedules

router = Router()
router.add_router("", documents)
router.add_router("", recordings)
router.add_router("", runs)
router.add_router("", schedules)
