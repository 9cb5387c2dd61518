"""Durations, rates and failures as people read them."""

from __future__ import annotations

from jobs.tasks import Receipt

_MINUTE, _HOUR = 60, 3600


def duration(seconds: float | None) -> str:
    """Such as ``8.2 s``, ``4 min 10 s`` or ``3 h 05 min``; a dash where it is not known."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    minutes = round(seconds / _MINUTE)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def rate(value: float | None) -> str:
    """With two digits that mean something; a dash where it is not known."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def memory(size: int) -> str:
    """Bytes as gibibytes; a dash for none."""
    return f"{size / 2**30:.1f} GiB" if size else "-"


def counted(count: int, thing: str) -> str:
    """Such as ``1 task`` or ``2 tasks``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def failure_line(receipt: Receipt) -> str:
    """What failed, where, why, and where its log is."""
    step = f"{receipt.stage} {receipt.frames}".rstrip()
    place = f" on {receipt.host}" if receipt.host else ""
    tries = f", attempt {receipt.attempt}" if receipt.attempt > 1 else ""
    log = f" Log: {receipt.log}" if receipt.log else ""
    return f"{receipt.sequence}: {step} failed{place}{tries}: {one_line(receipt.message)}{log}"


def one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())
