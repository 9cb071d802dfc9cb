"""Clients with their rules, and asking for the rules to be applied anew."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from calendar_manager.domain.clients import Client, ClientMatcher, ClientRule, OwnedRule
from calendar_manager.store.client_rows import client_from_row, rule_from_row
from calendar_manager.store.execution import execute_count
from calendar_manager.store.tables import ClientRow, ClientRuleRow, ConnectionRow, UserRow


class ClientRepository:
    """Queries over clients.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, user_id: UUID, client_id: UUID, *, deleted: bool = False) -> Client | None:
        """Return a user's client, or None.

        Args:
            user_id: Whose.
            client_id: Which.
            deleted: Whether to look among the ones that the user deleted instead.
        """
        row = self._session.scalars(
            select(ClientRow)
            .where(
                ClientRow.id == client_id,
                ClientRow.user_id == user_id,
                ClientRow.deleted_at.is_not(None) if deleted else ClientRow.deleted_at.is_(None),
            )
            .execution_options(populate_existing=True)
        ).one_or_none()
        return None if row is None else self._with_rules([row])[0]

    def list(
        self,
        user_id: UUID,
        *,
        deleted: bool = False,
        after: tuple[datetime, UUID] | None = None,
        limit: int | None = None,
    ) -> Sequence[Client]:
        """List a user's clients, the oldest first.

        Args:
            user_id: Whose.
            deleted: Whether to list the ones that the user deleted instead.
            after: Instant of entry and id of the last one already seen.
            limit: How many at most; None for all.
        """
        query = select(ClientRow).where(
            ClientRow.user_id == user_id,
            ClientRow.deleted_at.is_not(None) if deleted else ClientRow.deleted_at.is_(None),
        )
        if after is not None:
            query = query.where(tuple_(ClientRow.created_at, ClientRow.id) > after)
        query = query.order_by(ClientRow.created_at, ClientRow.id).limit(limit)
        return self._with_rules(self._session.scalars(query).all())

    def list_living(self, user_id: UUID) -> frozenset[UUID]:
        """Return the ids of a user's clients that are not deleted."""
        return frozenset(
            self._session.scalars(
                select(ClientRow.id).where(
                    ClientRow.user_id == user_id, ClientRow.deleted_at.is_(None)
                )
            )
        )

    def add(self, user_id: UUID, rules: Sequence[ClientRule], **values: Any) -> UUID:  # noqa: ANN401 - the columns have types of their own.
        """Store a new client and return its id.

        Args:
            user_id: Whose.
            rules: How its events are recognised, in the user's order.
            values: ``name``, ``color``, ``rate``, ``currency``, ``time_zone``, ``notes`` and
                ``weekly_budget_minutes``.
        """
        client_id = self._session.scalars(
            insert(ClientRow).values(user_id=user_id, **values).returning(ClientRow.id)
        ).one()
        self._add_rules(user_id, client_id, rules)
        return client_id

    def change(self, user_id: UUID, client_id: UUID, **values: Any) -> None:  # noqa: ANN401 - as above.
        """Change columns of a user's client.

        Args:
            user_id: Whose.
            client_id: Which.
            values: As for :meth:`add`, and ``deleted_at``.
        """
        self._session.execute(
            update(ClientRow)
            .where(ClientRow.id == client_id, ClientRow.user_id == user_id)
            .values(**values)
        )

    def replace_rules(self, user_id: UUID, client_id: UUID, rules: Sequence[ClientRule]) -> None:
        """Give a user's client exactly these rules, in this order."""
        self._session.execute(
            delete(ClientRuleRow).where(
                ClientRuleRow.client_id == client_id, ClientRuleRow.user_id == user_id
            )
        )
        self._add_rules(user_id, client_id, rules)

    def load_matcher(self, user_id: UUID) -> ClientMatcher:
        """Return the rules of a user's clients, ready to be asked.

        A user without rules costs one statement.
        """
        rows = self._session.execute(
            select(ClientRow.id, ClientRuleRow)
            .join(ClientRow, ClientRow.id == ClientRuleRow.client_id)
            .where(ClientRuleRow.user_id == user_id, ClientRow.deleted_at.is_(None))
            .order_by(ClientRow.created_at, ClientRow.id, ClientRuleRow.position)
        )
        rules = [OwnedRule(client_id, rule_from_row(rule)) for client_id, rule in rows]
        if not rules:
            return ClientMatcher([])
        accounts = self._session.scalars(
            select(ConnectionRow.account).where(ConnectionRow.user_id == user_id)
        )
        return ClientMatcher(rules, accounts)

    def lock(self, user_id: UUID) -> None:
        """Let nobody write a user's assignments by rules until this transaction ends.

        A sync that lays out events shares a lock on its user, so it ends before this returns,
        and the next one sees what this transaction changes.
        """
        self._session.execute(
            select(UserRow.id).where(UserRow.id == user_id).with_for_update(key_share=True)
        )

    def request_reassign(self, user_id: UUID) -> None:
        """Ask for the rules to be applied to all of a user's events.

        It belongs into the transaction that changes the rules, so that no crash loses it.
        """
        self._session.execute(
            update(UserRow)
            .where(UserRow.id == user_id)
            # The transaction's own instant might equal that of another one.
            .values(reassign_asked_at=func.clock_timestamp())
        )

    def find_reassign(self, user_id: UUID) -> datetime | None:
        """Return when the rules were last asked to be applied, or None when they are."""
        return self._session.scalars(
            select(UserRow.reassign_asked_at).where(UserRow.id == user_id)
        ).one_or_none()

    def end_reassign(self, user_id: UUID, asked_at: datetime) -> bool:
        """Note that the rules are applied; False when that was asked for again meanwhile."""
        statement = (
            update(UserRow)
            .where(UserRow.id == user_id, UserRow.reassign_asked_at == asked_at)
            .values(reassign_asked_at=None)
        )
        return execute_count(self._session, statement) > 0

    def users_to_reassign(self, *, older_than: timedelta) -> Sequence[UUID]:
        """List the installation's users whose rules wait longer than that to be applied."""
        return self._session.scalars(
            select(UserRow.id).where(UserRow.reassign_asked_at < func.now() - older_than)
        ).all()

    def purge_deleted(self, *, before: datetime) -> int:
        """Remove the installation's clients for good that were deleted before an instant.

        What was assigned to them by hand is the rules' again, so these are asked to be applied.
        """
        owners = self._session.scalars(
            delete(ClientRow).where(ClientRow.deleted_at < before).returning(ClientRow.user_id)
        ).all()
        for user_id in set(owners):
            self.request_reassign(user_id)
        return len(owners)

    def _add_rules(self, user_id: UUID, client_id: UUID, rules: Sequence[ClientRule]) -> None:
        rows = [
            {
                "id": uuid4(),
                "user_id": user_id,
                "client_id": client_id,
                "position": position,
                "kind": rule.kind,
                "pattern": rule.pattern,
                "project": rule.project,
            }
            for position, rule in enumerate(rules)
        ]
        if rows:
            self._session.execute(insert(ClientRuleRow), rows)

    def _with_rules(self, rows: Sequence[ClientRow]) -> Sequence[Client]:
        rules = self._load_rules([row.id for row in rows]) if rows else {}
        return [client_from_row(row, rules.get(row.id, ())) for row in rows]

    def _load_rules(self, client_ids: Collection[UUID]) -> Mapping[UUID, Sequence[ClientRuleRow]]:
        rules: dict[UUID, list[ClientRuleRow]] = defaultdict(list)
        for row in self._session.scalars(
            select(ClientRuleRow)
            .where(ClientRuleRow.client_id.in_(client_ids))
            .order_by(ClientRuleRow.position)
        ):
            rules[row.client_id].append(row)
        return rules
