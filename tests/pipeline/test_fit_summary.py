"""The fit command says in a few lines how far a performance can be relied on."""

from __future__ import annotations

from dataclasses import replace

from pipeline.fit_summary import summary_lines
from tests.pipeline.test_performance_quality import reliability, uncertainty
from tests.pipeline.test_performance_store import performance


def test_the_summary_names_cameras_deviations_frames_and_warnings() -> None:
    """Cameras are listed worst first, unreliable frames with their reason."""
    whole = replace(
        performance(),
        uncertainty=uncertainty(),
        reliability=reliability(),
        warnings=("Camera left: it sees no face",),
    )
    lines = summary_lines(whole)
    assert lines[0].split() == [
        "camera",
        "median",
        "px",
        "95",
        "%",
        "px",
        "median",
        "sigmas",
        "95",
        "%",
        "sigmas",
    ]
    assert {line.split()[0] for line in lines[1:3]} == {"left", "right"}
    assert lines[3].startswith("one standard deviation  surface ")
    assert "cameras" in lines[3]
    assert lines[4:] == ["unreliable frames, few views  1002", "warning  Camera left: it sees no face"]


def test_a_performance_of_an_older_file_has_no_summary() -> None:
    """What a file does not know is not made up."""
    assert summary_lines(performance()) == []
