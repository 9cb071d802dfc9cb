"""What the soak found, as a table and as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from benchmarks.soak.rows import Difference

SHOWN: Final = 20
"""How many differences are printed."""


@dataclass
class Report:
    """The outcome of one soak.

    Attributes:
        seed: Of the choices.
        minutes: How long changes were made.
        mutations: How often each kind of change was made, by provider and kind.
        calls: How many calls to the providers the product made under faults.
        faults: How often each kind of fault struck.
        kills: How often each kind of process was killed.
        events: How many events the database has in the end.
        occurrences: How many occurrences the providers have in the compared range.
        conflicts: How many double bookings are open.
        differences: What is lost, duplicated or wrong.
        troubles: What else is not as it should be, in words.
        delays: Seconds from a write at a provider to our answer; and whether it was in the calm.
        missing: How many timed events never arrived.
        quiet_seconds: How long it took from the last change until everything was read.
    """

    seed: int
    minutes: float
    mutations: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    events: int = 0
    occurrences: int = 0
    conflicts: int = 0
    differences: list[Difference] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    delays: list[tuple[float, bool]] = field(default_factory=list)
    missing: int = 0
    quiet_seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether nothing is lost, duplicated, wrong or left over."""
        return not (self.differences or self.troubles or self.missing)

    def count(self, kind: str) -> int:
        """Return how many differences of a kind there are."""
        return sum(one.kind == kind for one in self.differences)

    def as_json(self) -> dict[str, Any]:
        """Return all of it in values of JSON."""
        return {
            "seed": self.seed,
            "minutes": self.minutes,
            "mutations": {" ".join(name): count for name, count in self.mutations.items()},
            "calls_under_faults": self.calls,
            "faults": dict(self.faults),
            "kills": dict(self.kills),
            "events": self.events,
            "occurrences": self.occurrences,
            "conflicts": self.conflicts,
            **{kind: self.count(kind) for kind in ("lost", "duplicated", "wrong")},
            "differences": [
                {name: str(value) for name, value in asdict(one).items()}
                for one in self.differences[:SHOWN]
            ],
            "troubles": self.troubles,
            "never_arrived": self.missing,
            "delay_seconds": {
                "calm": describe_delays([delay for delay, calm in self.delays if calm]),
                "whole": describe_delays([delay for delay, _ in self.delays]),
            },
            "quiet_after_seconds": round(self.quiet_seconds, 1),
            "clean": self.is_clean,
        }

    def as_text(self) -> str:
        """Return a table for people."""
        lines = [("seed", str(self.seed)), ("minutes", f"{self.minutes:g}")]
        for provider in ("google", "microsoft", "caldotcom"):
            made = {kind: n for (one, kind), n in self.mutations.items() if one == provider}
            refused = made.pop("refused", 0)
            lines.append((f"changes at {provider}", f"{sum(made.values())} ({refused} refused)"))
        struck = sum(count for kind, count in self.faults.items() if " " not in kind)
        share = f" = {struck / self.calls:.0%}" if self.calls else ""
        lines.append(("calls under faults", f"{self.calls}, of them faulty {struck}{share}"))
        lines += [(f"  {kind}", str(n)) for kind, n in sorted(self.faults.items()) if n]
        lines.append(("kills", str(self.kills.total())))
        lines += [(f"  {victim}", str(count)) for victim, count in sorted(self.kills.items())]
        lines += [
            ("events", str(self.events)),
            ("occurrences compared", str(self.occurrences)),
            ("open conflicts", str(self.conflicts)),
            *((kind, str(self.count(kind))) for kind in ("lost", "duplicated", "wrong")),
            ("never arrived", str(self.missing)),
        ]
        for name, delays in (
            ("delay in the calm", [delay for delay, calm in self.delays if calm]),
            ("delay in the whole", [delay for delay, _ in self.delays]),
        ):
            found = describe_delays(delays)
            lines.append(
                (name, f"p50 {found['p50']} s, p99 {found['p99']} s, of {found['count']} changes")
            )
        lines.append(("all read after", f"{self.quiet_seconds:.0f} s"))
        width = max(len(name) for name, _ in lines) + 2
        text = "\n".join(f"{name:<{width}}{value}" for name, value in lines)
        problems = [f"  {trouble}" for trouble in self.troubles]
        problems += [
            f"  {one.kind}\n    theirs {one.theirs}\n    ours   {one.ours}"
            for one in self.differences[:SHOWN]
        ]
        return "\n".join([text, *problems, "clean" if self.is_clean else "NOT CLEAN"])


def describe_delays(delays: Sequence[float]) -> dict[str, float | int | None]:
    """Return count, median and 99th percentile (nearest rank) of some delays, in seconds."""
    ordered = sorted(delays)

    def find(percent: int) -> float | None:
        if not ordered:
            return None
        return round(ordered[-(-len(ordered) * percent // 100) - 1], 3)

    return {"count": len(ordered), "p50": find(50), "p99": find(99)}
