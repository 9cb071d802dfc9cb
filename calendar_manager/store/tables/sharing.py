"""Who may ask when somebody is free."""

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from calendar_manager.store.tables.base import Row, owner


class AvailabilityGrantRow(Row):
    """That the user of an address may ask when the owner of the row is free.

    ``grantee_id`` is who had the address when the grant was given or repeated. While it is null
    the grant has no effect, whoever registers with the address meanwhile.
    """

    __tablename__ = "availability_grants"

    user_id: Mapped[uuid.UUID] = owner()
    grantee_email: Mapped[str]
    grantee_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))

    __table_args__ = (
        UniqueConstraint("user_id", "grantee_email"),
        Index("ix_availability_grants_grantee_id", "grantee_id"),
        CheckConstraint("grantee_id <> user_id", name="two_people"),
    )
