"""Somebody who does at the providers what was planned, through clean paths that no fault meets."""

from collections import Counter
from datetime import datetime
from typing import Final, Protocol

from benchmarks.soak.accounts import Accounts
from benchmarks.soak.caldotcom_hand import CaldotcomHand
from benchmarks.soak.google_hand import GoogleHand
from benchmarks.soak.microsoft_hand import MicrosoftHand
from benchmarks.soak.missing import MissingTargetError
from benchmarks.soak.operations import Operation
from calendar_manager.sandbox.control_client import ControlClient, ControlError

REFUSED: Final = "refused"


class Hand(Protocol):
    """Somebody at one provider."""

    def do(self, operation: Operation) -> None:
        """Make one change.

        Raises:
            ControlError: The provider refuses it.
            MissingTargetError: What it concerns is not there any more.
        """


class Hands:
    """Makes the planned changes and counts them.

    Args:
        control: The sandbox.
        accounts: Whose calendars.
        now_at: The present; series are changed from their coming occurrences on.

    Attributes:
        done: How many changes of each provider and kind were made; what a provider refused, such
            as an occurrence that passes its neighbour in Outlook, counts as ``refused``.
    """

    def __init__(self, control: ControlClient, accounts: Accounts, now_at: datetime) -> None:
        self._hands: dict[str, Hand] = {
            "google": GoogleHand(control, accounts, now_at),
            "microsoft": MicrosoftHand(control, accounts, now_at),
            "caldotcom": CaldotcomHand(control.caldotcom, accounts.caldotcom),
        }
        self.done: Counter[tuple[str, str]] = Counter()

    def do(self, operation: Operation) -> bool:
        """Make one change; False when the provider refuses it."""
        try:
            self._hands[operation.provider].do(operation)
        except (ControlError, MissingTargetError):
            self.done[operation.provider, REFUSED] += 1
            return False
        self.done[operation.provider, operation.kind] += 1
        return True
