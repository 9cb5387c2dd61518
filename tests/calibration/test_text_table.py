"""Tables of plain text."""

from __future__ import annotations

from calibration.text_table import text_table


def test_texts_are_at_the_left_and_numbers_at_the_right() -> None:
    """A column of numbers lines up at its last digit, also where one of them is not known."""
    rows = [
        ("camera", "px", "verdict"),
        ("front", "10.25", "good"),
        ("l", "-", "redo"),
        ("r", "?", "3 of 4"),
    ]
    assert text_table(rows) == [
        "camera     px  verdict",
        "front   10.25  good",
        "l           -  redo",
        "r           ?  3 of 4",
    ]


def test_headings_alone_are_a_table() -> None:
    """Nothing to list is no error."""
    assert text_table([("format", "read")]) == ["format  read"]
