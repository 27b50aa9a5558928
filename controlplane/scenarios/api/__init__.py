"""The operations of scenarios in the REST API."""

from ninja import Router

from controlplane.scenarios.api.documents import router as documents
from controlplane.scenarios.api.recordings import router as recordings
from controlplane.scenarios.api.runs import router as runs
from controlplane.scenarios.api.schedules import router as schedules

router = Router()
router.add_router("", documents)
router.add_router("", recordings)
router.add_router("", runs)
router.add_router("", schedules)
