"""From when until when something is valid, in the dates and times that TOML has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from calibration.errors import InputError

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Hours:
    """A stretch of time: of days, which count whole, or of moments, all with a time zone or all without.

    Attributes:
        begin: when it begins; None where it always was.
        until: when it is over: the moment itself is no part of it, a day is.
        where: who says so, for messages.

    Raises:
        InputError: they are over before they begin, or one of the two has a time zone and the other has none.
    """

    begin: date | None
    until: date | None
    where: str

    def __post_init__(self) -> None:
        self._check_zones()
        if self.begin is not None and self.until is not None and not _first(self.begin) < _end(self.until):
            raise InputError(f"{self} is over before it begins", where=self.where)

    def __bool__(self) -> bool:
        """Whether there is a limit at all."""
        return self.begin is not None or self.until is not None

    def __str__(self) -> str:
        return ", ".join(text.replace(" = ", " ") for text, _ in self._limits())

    def hold(self, moment: date) -> bool | None:
        """Whether they hold at a moment, or on a day; None where that changes in the course of the day.

        Raises:
            InputError: the moment has a time zone and the hours have none, or the other way round.
        """
        self._check_zones((f"the shoot's date = {moment}", moment))
        first, end = _first(moment), _end(moment)
        begin = first if self.begin is None else _first(self.begin)
        until = end if self.until is None else _end(self.until)
        if isinstance(moment, datetime):
            return begin <= moment < until if self.until is not None else begin <= moment
        if begin <= first and end <= until:
            return True
        return False if end <= begin or until <= first else None

    def _limits(self) -> Iterator[tuple[str, date]]:
        if self.begin is not None:
            yield f"from = {self.begin}", self.begin
        if self.until is not None:
            yield f"until = {self.until}", self.until

    def _check_zones(self, *others: tuple[str, date]) -> None:
        moments = (*others, *self._limits())
        zoned = [text for text, moment in moments if isinstance(moment, datetime) and moment.tzinfo]
        local = [text for text, moment in moments if not (isinstance(moment, datetime) and moment.tzinfo)]
        if zoned and local:
            raise InputError(
                f"{local[0]} has no time zone and {zoned[0]} has one, so they cannot be compared",
                where=self.where,
                fix="Write all with one, or all without, as the clock on the stage shows them",
            )


def _first(moment: date) -> datetime:
    """The first moment of a day, or the moment itself."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time())


def _end(moment: date) -> datetime:
    """The moment from which on a day is over, or the moment itself."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time()) + _DAY
