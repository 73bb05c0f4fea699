"""Dates that name the places of a series: at which step they go on, and how long a season may be."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise


def parse_date(cell: str) -> datetime | None:
    """A date in ISO form, whole or down to the month or quarter."""
    quarter = re.fullmatch(r"(\d{4})-?[Qq]([1-4])", cell)
    if quarter:
        return datetime(int(quarter[1]), int(quarter[2]) * 3 - 2, 1)
    if not re.match(r"\d{4}-\d\d", cell):
        return None
    try:
        return datetime.fromisoformat(f"{cell}-01" if len(cell) == 7 else cell)
    except ValueError:
        return None


@dataclass(frozen=True)
class Dates:
    """Dates at equal steps.

    Attributes:
        last: the last of them.
        form: how they are written: "quarter", "month", "day" or "time".
        months: the step in months; 0: it is one of time.
        step: the step if it is one of time.
        numbers: whether they are whole numbers in place of dates.
    """

    last: datetime
    form: str
    months: int = 0
    step: timedelta = timedelta()

    @classmethod
    def of(cls, labels: Sequence[str]) -> Dates | None:
        """None for labels that are no dates, or not at equal steps."""
        dates = [parse_date(label) for label in labels]
        if len(dates) < 2 or not all(dates):
            return None
        known = [date for date in dates if date]
        label = labels[-1]
        form = "quarter" if "q" in label.lower() else {7: "month", 10: "day"}.get(len(label), "time")
        months = {(b.year - a.year) * 12 + b.month - a.month for a, b in pairwise(known)}
        days_fit = all(date.day == known[0].day or date.day == monthrange(date.year, date.month)[1] for date in known)
        if len(months) == 1 and min(months) > 0 and days_fit:
            return cls(known[-1], form, months=months.pop())
        steps = {b - a for a, b in pairwise(known)}
        if len(steps) == 1 and min(steps) > timedelta():
            return cls(known[-1], form, step=steps.pop())
        return None

    def after(self, number: int) -> list[str]:
        """The next dates, written alike."""
        found = []
        at_end = self.last.day == monthrange(self.last.year, self.last.month)[1] and self.last.day > 27
        for k in range(1, number + 1):
            if self.months:
                month = self.last.month - 1 + k * self.months
                year, month = self.last.year + month // 12, month % 12 + 1
                if year > 9999:
                    return [f"+{k}" for k in range(1, number + 1)]
                end = monthrange(year, month)[1]
                date = self.last.replace(year=year, month=month, day=end if at_end else min(self.last.day, end))
            else:
                try:
                    date = self.last + k * self.step
                except OverflowError:
                    return [f"+{k}" for k in range(1, number + 1)]
            found.append(self._written(date))
        return found

    def _written(self, date: datetime) -> str:
        if self.form == "quarter":
            return f"{date.year}-Q{(date.month + 2) // 3}"
        if self.form == "time":
            return date.isoformat(sep=" ", timespec="minutes" if date.second == 0 else "seconds")
        return date.strftime("%Y-%m" if self.form == "month" else "%Y-%m-%d")

    @property
    def seasons(self) -> tuple[int, ...]:
        """A year of months or quarters, a week of days, a day of hours."""
        if self.months:
            return (12 // self.months,) if self.months in (1, 3) else ()
        by_step = {timedelta(days=1): (7,), timedelta(hours=1): (24,)}
        return by_step.get(self.step, ())
