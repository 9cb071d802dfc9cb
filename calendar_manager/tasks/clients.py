"""The doors to the rules of clients."""

from uuid import UUID

from calendar_manager.job_queue import REASSIGN_CLIENTS
from calendar_manager.sync.assigning import find_users_to_reassign, reassign_clients
from calendar_manager.tasks.application import app, services


@app.task(name=REASSIGN_CLIENTS, soft_time_limit=1200, time_limit=1260)
def reassign(user_id: str) -> None:
    """Let the rules tell anew whom one user's events belong to."""
    reassign_clients(services.store, UUID(user_id))


@app.task(name="clients.reconcile", soft_time_limit=60, time_limit=90)
def reconcile_clients() -> None:
    """Have the rules applied that a crash left unapplied."""
    for user_id in find_users_to_reassign(services.store):
        services.queue.reassign_clients(user_id)
