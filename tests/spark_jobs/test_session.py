"""Opening and losing sessions."""

import gc
import weakref

import pytest
from pyspark.sql.connect.client.reattach import ExecutePlanResponseReattachableIterator

from spark_jobs.session import connect


@pytest.mark.stack
def test_a_lost_session_leaves_what_the_others_share_alone(spark_remote: str) -> None:
    """Spark's own way of losing one can hang the process (see spark_jobs.session)."""
    kept, lost = (connect(spark_remote, user_id="tests") for _ in range(2))
    assert kept.range(3).count() == 3
    pool = ExecutePlanResponseReattachableIterator._get_or_create_release_thread_pool()
    gone, client = weakref.ref(lost), lost.client
    type(lost)._set_default_and_active_session(kept)  # type: ignore[attr-defined]
    del lost
    gc.collect()
    assert gone() is None
    assert not pool._shutdown
    assert kept.range(4).count() == 4
    kept.stop()
    client.close()  # else it looks for its server once more when Python ends
