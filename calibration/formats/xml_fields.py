"""Reading XML files of others: no entities, no surprises, named errors."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from calibration.errors import InputError

Array = NDArray[np.float64]


def parse_xml(path: Path) -> Element:
    """The root of an XML file.

    Raises:
        InputError: the file cannot be read, is no XML (or cut off), or plays tricks with entities.
    """
    try:
        root: Element = fromstring(path.read_bytes())
    except DefusedXmlException as error:
        raise InputError("the file declares entities, which are not read", where=str(path)) from error
    except (OSError, ParseError, ValueError, LookupError) as error:
        raise InputError(f"the file cannot be read as XML ({error})", where=str(path)) from error
    return root


def numbers(text: str | None, count: int, what: str, where: str) -> Array:
    """The numbers in a text, apart by blanks.

    Raises:
        InputError: naming `what`, where there are not `count` finite numbers.
    """
    if text is None or not text.strip():
        raise InputError(f"{what} is missing", where=where)
    try:
        values = np.array([float(part) for part in text.split()])
    except ValueError as error:
        raise InputError(f"{what} must be numbers, not {text.strip()[:40]!r}", where=where) from error
    if values.size != count or not np.all(np.isfinite(values)):
        raise InputError(f"{what} has {values.size} numbers; {count} finite ones are needed", where=where)
    return values


def number(text: str | None, what: str, where: str) -> float:
    """One number; an InputError as of :func:`numbers`."""
    return float(numbers(text, 1, what, where)[0])
