"""Reading XML files of others: no entities, no surprises, named errors."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from calibration.errors import InputError
from calibration.formats.numbers import number

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


def numbers_of(text: str | None, count: int, label: str, where: str) -> Array:
    """The numbers in a text, apart by blanks.

    Raises:
        InputError: naming them, where there are not `count` finite ones.
    """
    words = (text or "").split()
    if not words:
        raise InputError(f"{label} is missing", where=where)
    if len(words) != count:
        raise InputError(f"{label} has {len(words)} numbers; {count} are needed", where=where)
    return np.array([number(word, label, where) for word in words])


def number_of(text: str | None, label: str, where: str) -> float:
    """One number; an InputError as of :func:`numbers_of`."""
    return float(numbers_of(text, 1, label, where)[0])
