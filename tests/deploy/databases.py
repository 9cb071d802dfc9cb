"""Databases of a test's own, beside those that tests share."""

from types import TracebackType

from sqlalchemy import create_engine, make_url, text


class EmptyDatabase:
    """A database without any table, dropped in the end.

    Args:
        beside: SQLAlchemy's address of a database on the same server.
        word: Tells it from others that the same test makes.

    Returns on entering:
        Its own address.
    """

    def __init__(self, beside: str, word: str) -> None:
        server = make_url(beside)
        self._name = f"{server.database}_{word}"
        self._admin = create_engine(server, isolation_level="AUTOCOMMIT")
        self.url = server.set(database=self._name).render_as_string(hide_password=False)

    def __enter__(self) -> str:
        with self._admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{self._name}"'))
        return self.url

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{self._name}" WITH (FORCE)'))
        self._admin.dispose()
