"""An event that the database refuses costs itself, whatever the reason."""

import pytest
from sqlalchemy import text

from calendar_manager.domain.sync_jobs import SyncCounts, SyncStatus
from tests.sync.desk import EMAIL, Desk, timed

pytestmark = pytest.mark.store


@pytest.mark.parametrize(
    "refusal",
    ["RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'", "PERFORM 1 / 0"],
)
def test_an_event_that_the_database_refuses_costs_itself(desk: Desk, refusal: str) -> None:
    with desk.context.store.begin() as uow:
        uow.session.execute(
            text(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN IF NEW.title = 'E7' THEN {refusal}; END IF; RETURN NEW; END $$"
            )
        )
        uow.session.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON events"
                " FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        )
    try:
        desk.control.create_events(
            EMAIL, [timed(f"E{n}", f"{n + 1:02} 09:00", f"{n + 1:02} 10:00") for n in range(20)]
        )
        job = desk.sync()
    finally:
        with desk.context.store.begin() as uow:
            uow.session.execute(text("DROP FUNCTION refuse() CASCADE"))
    assert job.status is SyncStatus.SUCCEEDED
    assert job.counts == SyncCounts(created=19, rejected=1)
    assert job.rejections[0]["reason"] == "it cannot be stored"
    assert len(desk.spans()) == 19
    again = desk.sync(full=True)
    assert again.counts == SyncCounts(created=1, unchanged=19)
