"""Whether the stored conflicts are those that a fresh look at everything finds."""

from collections.abc import Mapping
from typing import Final

from calendar_manager.bootstrap import build_services
from calendar_manager.config import load_settings
from calendar_manager.domain.conflict_reconciliation import ConflictStatus
from calendar_manager.domain.conflicts import find_conflicts
from calendar_manager.domain.meetings import group_meetings
from calendar_manager.domain.timespan import Span

SHOWN: Final = 5


def compare_conflicts(
    environ: Mapping[str, str], email: str, around: Span
) -> tuple[int, list[str]]:
    """Compare a user's open conflicts with fresh ones.

    Args:
        environ: The installation's environment.
        email: The user's address.
        around: Where to look; it holds every occurrence.

    Returns:
        How many there are, and what differs.
    """
    services = build_services(load_settings(environ))
    try:
        with services.store.begin() as uow:
            found = uow.users.find_credentials(email)
            if found is None:
                return 0, [f"There is no user {email}."]
            user = found.user
            meetings = group_meetings(uow.agenda.load_busy(user.id, [around]))
            fresh = {
                (
                    one.type,
                    one.severity,
                    one.span,
                    one.first.occurrence_ids,
                    one.second.occurrence_ids,
                )
                for one in find_conflicts(meetings, user.conflict_settings)
            }
            stored = {
                (
                    one.type,
                    one.severity,
                    one.span,
                    one.first.occurrence_ids,
                    one.second.occurrence_ids,
                )
                for one in uow.conflicts.load_touching(user.id, [around])
                if one.status is ConflictStatus.OPEN
            }
    finally:
        services.store.engine.dispose()
        services.redis.close()
    missing, surplus = fresh - stored, stored - fresh
    words = [f"conflict not stored: {one[:3]}" for one in sorted(missing, key=str)[:SHOWN]]
    words += [f"conflict not there: {one[:3]}" for one in sorted(surplus, key=str)[:SHOWN]]
    return len(stored), words
