"""A schedule of ours at Cal.com, beside the person's own ones.

https://cal.com/docs/api-reference/v2/schedules/create-a-schedule. An array that a change brings
along replaces all rows of its kind, so that each push says the whole.
"""

from collections.abc import Mapping

from calendar_manager.providers.caldotcom.client import CalDotComClient
from calendar_manager.providers.caldotcom.failures import NotFoundError
from calendar_manager.providers.caldotcom.fields import read_id, read_mapping
from calendar_manager.providers.caldotcom.normalize import ID_LIMIT
from calendar_manager.providers.errors import ProviderError


def push_schedule(
    client: CalDotComClient, body: Mapping[str, object], *, schedule_id: str | None
) -> str:
    """Change our schedule, or make it when there is none.

    A schedule whose making got no answer is found again by its name, as is one of an earlier
    connection, to which event types may be assigned. The account's default one is never taken for
    ours. Whether ours is to be the default is the person's to say, so a change leaves that alone.

    See :meth:`calendar_manager.providers.base.ScheduleProvider.push_schedule`.
    """
    for known in (schedule_id, None):
        existing = known or _find(client, body.get("name"))
        if existing is None:
            break
        try:
            client.push_schedule(body, existing)
        except NotFoundError:
            # Somebody deleted it.
            continue
        return existing
    made = read_mapping(client.push_schedule({**body, "isDefault": False}))
    made_id = read_id(made.get("id"), limit=ID_LIMIT)
    if made_id is None:
        raise ProviderError("Cal.com made a schedule without an id.", reason="otherShape")
    return made_id


def _find(client: CalDotComClient, name: object) -> str | None:
    """Return the id of the account's schedule of a name, unless it is the default one."""
    for row in client.pull_schedules():
        schedule = read_mapping(row)
        if schedule.get("name") == name and schedule.get("isDefault") is False:
            return read_id(schedule.get("id"), limit=ID_LIMIT)
    return None
