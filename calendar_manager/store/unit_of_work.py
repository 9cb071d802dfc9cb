"""Transactions: the only place that commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from calendar_manager.domain.errors import CalendarManagerError
from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.lookups import Lookups
from calendar_manager.store.pool import CONNECTIONS, autocommitting, make_engine
from calendar_manager.store.repositories.administration import AdministrationRepository
from calendar_manager.store.repositories.agenda import AgendaRepository
from calendar_manager.store.repositories.assignments import AssignmentRepository
from calendar_manager.store.repositories.audit import AuditRepository
from calendar_manager.store.repositories.availability_grants import AvailabilityGrantRepository
from calendar_manager.store.repositories.calendars import CalendarRepository
from calendar_manager.store.repositories.channels import ChannelRepository
from calendar_manager.store.repositories.clients import ClientRepository
from calendar_manager.store.repositories.conflicts import ConflictRepository
from calendar_manager.store.repositories.connections import ConnectionRepository
from calendar_manager.store.repositories.events import EventRepository
from calendar_manager.store.repositories.exports import ExportRepository
from calendar_manager.store.repositories.feeds import FeedRepository
from calendar_manager.store.repositories.full_reads import FullReadRepository
from calendar_manager.store.repositories.leases import LeaseRepository
from calendar_manager.store.repositories.login_sessions import LoginSessionRepository
from calendar_manager.store.repositories.oauth_states import OAuthStateRepository
from calendar_manager.store.repositories.occurrences import OccurrenceRepository
from calendar_manager.store.repositories.personal_data import PersonalDataRepository
from calendar_manager.store.repositories.rules import RulesRepository
from calendar_manager.store.repositories.sealed import SealedRepository
from calendar_manager.store.repositories.sync_jobs import SyncJobRepository
from calendar_manager.store.repositories.users import UserRepository


class StoreUnavailableError(CalendarManagerError):
    """The database cannot be reached or broke off; trying again may help."""


class UnstorableError(CalendarManagerError):
    """A value cannot be stored; trying again is useless."""


class UnitOfWork:
    """One transaction with its repositories, and what to do once it is committed.

    Args:
        session: An open session; :class:`Store` commits it.
        cipher: Opens and seals stored tokens.
    """

    def __init__(self, session: Session, cipher: TokenCipher) -> None:
        self._after_commit: list[Callable[[], None]] = []
        self.session = session
        self.administration = AdministrationRepository(session)
        self.agenda = AgendaRepository(session)
        self.assignments = AssignmentRepository(session)
        self.audit = AuditRepository(session)
        self.availability_grants = AvailabilityGrantRepository(session)
        self.calendars = CalendarRepository(session)
        self.channels = ChannelRepository(session, cipher)
        self.clients = ClientRepository(session)
        self.conflicts = ConflictRepository(session)
        self.connections = ConnectionRepository(session, cipher)
        self.events = EventRepository(session)
        self.feeds = FeedRepository(session)
        self.exports = ExportRepository(session)
        self.full_reads = FullReadRepository(session)
        self.leases = LeaseRepository(session, self.connections)
        self.login_sessions = LoginSessionRepository(session)
        self.lookups = Lookups(session)
        self.oauth_states = OAuthStateRepository(session, cipher)
        self.occurrences = OccurrenceRepository(session)
        self.personal_data = PersonalDataRepository(session)
        self.rules = RulesRepository(session)
        self.sealed = SealedRepository(session, cipher)
        self.sync_jobs = SyncJobRepository(session)
        self.users = UserRepository(session)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what is done inside on any error, and only that.

        Raises:
            UnstorableError: The database refused a value.
        """
        try:
            with self.session.begin_nested():
                yield
        except (OperationalError, InterfaceError):
            raise
        except StatementError as error:
            raise UnstorableError("the database refuses a value") from error

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run ``action`` once the transaction is committed, and never if it is not."""
        self._after_commit.append(action)

    def run_after_commit(self) -> None:
        """Run what was put off; called by the store alone."""
        for action in self._after_commit:
            action()


class Store:
    """The database.

    Args:
        engine: Connections to PostgreSQL.
        cipher: Opens and seals stored tokens.
    """

    def __init__(self, engine: Engine, cipher: TokenCipher) -> None:
        self.engine = engine
        self._cipher = cipher
        self._sessions = sessionmaker(engine, expire_on_commit=False)

    @classmethod
    def connect(cls, url: str, cipher: TokenCipher, *, pool_size: int = CONNECTIONS) -> "Store":
        """Open the database at ``url``."""
        engine = make_engine(url, pool_size=pool_size)
        return cls(engine, cipher)

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """Open a transaction; commit it at the end, or roll it back on any error.

        Raises:
            StoreUnavailableError: The database cannot be reached or broke off.
        """
        with _reachable(), self._sessions() as session:
            uow = UnitOfWork(session, self._cipher)
            with session.begin():
                yield uow
        uow.run_after_commit()

    @contextmanager
    def look_up(self) -> Iterator[Lookups]:
        """Read without a transaction, which saves the round trips that begin and end one.

        Each statement sees what is committed when it runs. In our transactions, which are "read
        committed", it would see nothing else.

        Raises:
            StoreUnavailableError: The database cannot be reached or broke off.
        """
        with _reachable(), autocommitting(self.engine) as connection:
            yield Lookups(connection)


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise StoreUnavailableError("the database cannot be reached") from error
