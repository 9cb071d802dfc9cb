"""What those who run an installation do to it. Every act leaves a line in the audit log."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from calendar_manager.accounts.errors import (
    ConnectionNotFoundError,
    EmailTakenError,
    InvalidFieldsError,
    NothingToSyncError,
    UserNotFoundError,
)
from calendar_manager.accounts.fields import (
    check_email,
    check_name,
    check_password,
    check_time_zone,
)
from calendar_manager.accounts.jobs import ManyJobs
from calendar_manager.accounts.passwords import Passwords
from calendar_manager.accounts.registration import check_all
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.sync_jobs import SyncJob, SyncTrigger
from calendar_manager.domain.users import Role, User
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.requests import request_sync

BY_COMMAND: Final = {"by": "command_line"}
"""Who gave a command is known to the machine that it was given on, and to nobody else."""

MANY: Final = 100
"""More calendars than this at once are routine: urgent, they would keep everybody else waiting."""

BATCH: Final = 500
"""So many of them are asked for in one transaction."""


class Administration:
    """The use cases of running an installation.

    Nobody is made an administrator over HTTP: that takes somebody who may start programs on the
    machine with its settings, and could read the database anyway.

    Args:
        store: The database.
        passwords: Hashes passwords.
        jobs: Where syncs are asked for.
        clock: Tells the time.
    """

    def __init__(
        self, *, store: Store, passwords: Passwords, jobs: ManyJobs, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._jobs = jobs
        self._clock = clock

    def find_user(self, email: str) -> User:
        """Return who signs in with an address.

        Raises:
            UserNotFoundError: Nobody does.
        """
        with self._store.begin() as uow:
            return _find(uow, email)

    def create_user(self, *, email: str, password: str, name: str, time_zone: str) -> User:
        """Store a new user; nothing counts how often.

        Raises:
            InvalidFieldsError: Something cannot be used; names every such field.
            EmailTakenError: Somebody has this address.
        """
        values = check_all(
            email=(check_email, email),
            password=(check_password, password),
            name=(check_name, name),
            time_zone=(check_time_zone, time_zone),
        )
        password_hash = self._passwords.hash(values.pop("password"))
        with self._store.begin() as uow:
            user = uow.users.add(**values, password_hash=password_hash)
            if user is None:
                raise EmailTakenError
            uow.audit.record("admin.user_created", user_id=user.id, detail=BY_COMMAND)
        return user

    def set_role(self, email: str, role: Role) -> bool:
        """Make somebody an administrator, or no longer one; tell whether that changed anything.

        Raises:
            UserNotFoundError: Nobody signs in with this address.
        """
        with self._store.begin() as uow:
            user = uow.users.lock(_find(uow, email).id)
            if user is None:
                raise UserNotFoundError(email)
            if user.role is role:
                return False
            uow.users.save_role(user.id, role)
            action = "admin.promoted" if role is Role.ADMIN else "admin.demoted"
            uow.audit.record(action, user_id=user.id, detail=BY_COMMAND)
        return True

    def set_password(self, email: str, password: str) -> int:
        """Store a new password and sign all of the user's devices out; return how many.

        Raises:
            UserNotFoundError: Nobody signs in with this address.
            InvalidFieldsError: The password cannot be used.
        """
        try:
            check_password(password)
        except ValueError as error:
            raise InvalidFieldsError({"password": str(error)}) from None
        password_hash = self._passwords.hash(password)
        with self._store.begin() as uow:
            user = uow.users.lock(_find(uow, email).id)
            if user is None:
                raise UserNotFoundError(email)
            uow.users.save_password_hash(user.id, password_hash)
            ended = uow.login_sessions.revoke_all(user.id, now=self._clock())
            uow.audit.record(
                "admin.password_set",
                user_id=user.id,
                detail={**BY_COMMAND, "sessions_ended": ended},
            )
        return ended

    def record_deletion(self, user_id: UUID) -> None:
        """Note that an erasure was no wish of the user's."""
        with self._store.begin() as uow:
            uow.audit.record("admin.user_deleted", user_id=user_id, detail=BY_COMMAND)

    def sync_connection(self, admin_id: UUID, connection_id: UUID) -> Sequence[SyncJob]:
        """Ask for a run over every calendar of anybody's account.

        Args:
            admin_id: Who asks.
            connection_id: Which account.

        Raises:
            ConnectionNotFoundError: There is no such account.
            NothingToSyncError: None of its calendars can be read.
        """
        with self._store.begin() as uow:
            connection = uow.administration.find_connection(connection_id)
            if connection is None:
                raise ConnectionNotFoundError
            calendars = uow.administration.list_readable_calendars(connection_id=connection_id)
            if not calendars:
                raise NothingToSyncError
            uow.audit.record(
                "admin.sync_requested",
                user_id=admin_id,
                subject=connection_id,
                detail={"calendars": len(calendars), "of_user": str(connection.user_id)},
            )
            return self._request(uow, calendars, full=False)

    def sync(
        self, *, email: str | None = None, calendar_id: UUID | None = None, full: bool = False
    ) -> Sequence[SyncJob]:
        """Ask for a run over every calendar, or over those of one person, or over one.

        More than :data:`MANY` are asked for as beat asks: behind what people wait for, and a full
        read that broke off a while ago is gone on with.

        Args:
            email: Whose; None for everybody's.
            calendar_id: Which; None for all.
            full: Whether to read everything anew instead of the news.

        Raises:
            UserNotFoundError: Nobody signs in with this address.
            NothingToSyncError: None of them can be read.
        """
        with self._store.begin() as uow:
            user_id = None if email is None else _find(uow, email).id
            calendars = uow.administration.list_readable_calendars(
                user_id=user_id, calendar_ids=None if calendar_id is None else [calendar_id]
            )
            if not calendars:
                raise NothingToSyncError
            uow.audit.record(
                "admin.sync_requested",
                user_id=user_id,
                subject=calendar_id,
                detail={**BY_COMMAND, "calendars": len(calendars), "full": full},
            )
            if len(calendars) <= MANY:
                return self._request(uow, calendars, full=full)
        return self._request_many([one.id for one in calendars], full=full)

    def _request(
        self, uow: UnitOfWork, calendars: Sequence[Calendar], *, full: bool
    ) -> Sequence[SyncJob]:
        now = self._clock()
        jobs = [
            request_sync(uow, one, trigger=SyncTrigger.MANUAL, now=now, full=full)
            for one in calendars
        ]

        def send() -> None:
            for job in jobs:
                self._jobs.sync_calendar(job.id, urgent=True)

        uow.after_commit(send)
        return jobs

    def _request_many(self, calendar_ids: Sequence[UUID], *, full: bool) -> Sequence[SyncJob]:
        jobs: list[SyncJob] = []
        for first in range(0, len(calendar_ids), BATCH):
            with self._store.begin() as uow:
                # Some may have left since they were counted.
                calendars = uow.administration.list_readable_calendars(
                    calendar_ids=calendar_ids[first : first + BATCH]
                )
                now = self._clock()
                batch = [
                    request_sync(uow, one, trigger=SyncTrigger.BEAT, now=now, full=full)
                    for one in calendars
                ]
                # The jobs stand in PostgreSQL with this trigger, so one that has to be sent again
                # is no more urgent then.
                due = [(job.id, job.trigger) for job in batch]
                uow.after_commit(partial(self._jobs.sync_due, due))
            jobs += batch
        return jobs


def _find(uow: UnitOfWork, email: str) -> User:
    found = uow.users.find_credentials(email.strip())
    if found is None:
        raise UserNotFoundError(email)
    return found.user
