"""Faults at the providers: a fifth of the product's calls, of every kind that there is."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from benchmarks.soak.accounts import Accounts
from calendar_manager.sandbox.control_client import (
    ControlClient,
    FaultKind,
    FaultOptions,
    NotificationMode,
)

SHARE: Final = 0.2
"""How many of the product's calls go wrong."""

EVERYWHERE: Final = r"^/(google|graph|microsoft|calcom)/"
"""The providers' own paths, token endpoints included; the changes take others."""

KINDS: Final[tuple[tuple[FaultKind, FaultOptions], ...]] = (
    ("too_many_requests", {"path": EVERYWHERE, "retry_after": 1}),
    ("server_error", {"path": EVERYWHERE}),
    ("status", {"path": EVERYWHERE, "status": 503, "retry_after": 1}),
    ("slow", {"path": EVERYWHERE, "seconds": 0.5}),
    # Cal.com's refresh tokens die with their use: what is lost with an answer there is lost for
    # good, and only its owner can connect the account again.
    ("reset_mid_body", {"path": r"^/(google|graph|microsoft)/|^/calcom/v2/(?!auth/)"}),
    # Only Google says by 403 that too much was asked.
    ("quota_403", {"path": r"^/google/calendar/"}),
)

WAYS: Final[tuple[NotificationMode, ...]] = ("normal", "lost", "late", "doubled", "reordered")

EXPIRIES: Final = (
    *("access tokens of Google", "access tokens of Microsoft", "access tokens of Cal.com"),
    *("sync tokens (410)", "delta tokens (410)"),
)


@dataclass
class Faults:
    """Breaks the providers, each turn in another way.

    Attributes:
        control: The sandbox.
        accounts: Whose tokens expire.
        random: Where the choices come from.
        struck: How many calls met each kind of fault, and how many tokens were expired.
        calls: How many calls the product made while there were faults.
    """

    control: ControlClient
    accounts: Accounts
    random: Random
    struck: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    _active: bool = False

    def turn(self) -> None:
        """Replace the faults by others, change how notifications travel, let something expire."""
        self.stop()
        kinds = list(KINDS)
        self.random.shuffle(kinds)
        for number, (kind, options) in enumerate(kinds):
            # The first rule that strikes decides, so that later ones see fewer calls.
            each = SHARE / len(kinds)
            probability = each / (1 - number * each)
            seed = self.random.randrange(2**31)
            self.control.add_fault(kind, **(options | {"probability": probability, "seed": seed}))
        way = self.random.choice(WAYS)
        self.control.change_settings(notifications=way, notification_delay_seconds=3.0)
        self.struck[f"notifications {way}"] += way != "normal"
        self._expire(self.random.choice(EXPIRIES))
        self._active = True

    def stop(self) -> None:
        """End all faults, and count those that there were."""
        self.control.clear_faults()
        self.control.change_settings(notifications="normal")
        requests = self.control.requests(EVERYWHERE)
        self.control.clear_requests()
        if self._active:
            self.calls += len(requests)
            self.struck.update(one.fault for one in requests if one.fault is not None)
        self._active = False

    def _expire(self, what: str) -> None:
        control, accounts = self.control, self.accounts
        match what:
            case "access tokens of Google":
                control.expire_access_tokens(accounts.google)
            case "access tokens of Microsoft":
                control.graph.expire_access_tokens(accounts.microsoft)
            case "access tokens of Cal.com":
                control.caldotcom.expire_access_tokens(accounts.caldotcom)
            case "sync tokens (410)":
                control.expire_sync_tokens(accounts.google)
            case _:
                control.graph.expire_delta_tokens(accounts.microsoft)
        self.struck[f"expired {what}"] += 1
