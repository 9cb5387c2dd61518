"""The summaries at the end of a job tell what is there, and what is missing and why."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from jobs.records.ledger import Ledger
from jobs.tasks import State
from jobs.watching.causes import causes
from jobs.watching.page import job_page
from jobs.watching.reading import read_record
from jobs.watching.summaries import write_summaries
from jobs.watching.summary import summarise
from jobs.watching.summary_text import summary_lines
from tests.jobs.watching.made_up_job import Trouble, endings, make_job, receipt_of, request_for, tasks_of

HOSTILE = """Größe <script>alert("1") & 'x'%41"""
NAMES = ("take1", "take2", HOSTILE, "take4", "take5")
TROUBLES = {
    "take2": Trouble("detect", "/takes/take2/left/img.1017.png: the image cannot be read"),
    HOSTILE: Trouble("detect", f"/takes/{HOSTILE}/left/img.1300.png: the image cannot be read"),
    "take4": Trouble("report", "480 frames, 0.90 px, 3 failed", exit_status=4),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job of which two sequences failed for the same reason, and one is partial."""
    folder = make_job(tmp_path_factory.mktemp("jobs") / "day3", NAMES, TROUBLES)
    write_summaries(folder)
    return folder


class _Page(HTMLParser):
    """What a browser makes of the page: its elements, links and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)  # as of SVG: nothing stays open

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def test_the_text_says_what_is_missing_and_why(folder: Path) -> None:
    """Causes first, then a line for each sequence that is not done."""
    text = (folder / "summary.txt").read_text(encoding="utf-8")
    assert text.startswith("day3: 2 of 5 sequences are done; 1 partial, 2 failed\n")
    assert "detect failed: /takes/take2/left/img.1017.png: the image cannot be read (take2, Größe" in text
    assert [line.split()[:3] for line in text.splitlines() if line.startswith("take4")] == [
        ["take4", "partial", "4"]
    ]
    assert "vultus jobs retry" in text


def test_the_json_has_stable_keys_and_the_exit_status(folder: Path) -> None:
    """Programs rely on them."""
    facts = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert list(facts) == [
        "schema", "job", "folder", "exit_status", "counts", "tasks", "sequences", "stages", "causes",
    ]  # fmt: skip
    assert facts["exit_status"] == 4
    assert facts["counts"] == {"failed": 2, "partial": 1, "done": 2}
    by_name = {each["sequence"]: each for each in facts["sequences"]}
    assert set(by_name) == set(NAMES)
    failed = by_name["take2"]
    assert list(failed) == [
        "sequence", "shoot", "outcome", "exit_status", "stages", "seconds", "frames", "failed_frames", "code",
        "message", "step", "results", "log",
    ]  # fmt: skip
    assert (failed["outcome"], failed["exit_status"], failed["step"]) == ("failed", 3, "detect 1001-1240")
    assert failed["seconds"] == {"survey": 2.0, "calibrate": 40.0, "detect": 170.0}
    assert failed["stages"]["fit"] == "skipped"
    assert by_name["take1"]["frames"] == 480
    detect = next(each for each in facts["stages"] if each["stage"] == "detect")
    assert detect["frames"] == 3 * 480
    assert [each["sequences"] for each in facts["causes"]] == [["take2", HOSTILE]]


def test_the_page_is_whole_escaped_and_needs_nothing_from_elsewhere(folder: Path) -> None:
    """Names of sequences and messages of errors are text, whatever they hold."""
    page = _Page((folder / "summary.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert "script" not in page.tags
    assert not [link for link in page.links if ":" in unquote(link) or link.startswith("/")]
    assert any(HOSTILE in text for text in page.texts)
    assert any("ERROR /takes/take2/left" in text for text in page.texts)


def test_links_of_the_page_lead_to_files_that_are_there(folder: Path) -> None:
    """Relative to the page, so that the folder can be copied; a log of a failed step is one click away."""
    page = _Page((folder / "summary.html").read_text(encoding="utf-8"))
    assert len(page.links) == 3
    assert all((folder / unquote(link)).exists() for link in page.links)


def test_a_picture_and_the_report_of_each_sequence_are_shown_where_they_are(tmp_path: Path) -> None:
    """The overlay sheet as a thumbnail, leading to the report."""
    folder = make_job(tmp_path / "jobs" / "j", ["take 1"])
    results = tmp_path / "results of ü"
    (results / "overlay").mkdir(parents=True)
    (results / "overlay" / "sheet.jpg").touch()
    (results / "report.html").touch()
    (results / "outcome.json").write_text('{"failures": [1, 2]}')
    record = read_record(folder)
    survey = record.receipts["take 1/survey"]
    receipts = {**record.receipts, survey.key: replace(survey, output=str(results))}
    summary = summarise(replace(record, receipts=receipts))
    page = _Page(job_page(summary, receipts))
    assert "../../results%20of%20%C3%BC/overlay/sheet.jpg" in page.links
    assert "../../results%20of%20%C3%BC/report.html" in page.links
    assert summary.sequences[0].failed_frames == 2


def test_failures_that_differ_only_in_numbers_and_paths_are_one_cause() -> None:
    """Forty takes without light are one line; another stage or kind of error is another."""
    task, *_ = tasks_of("a")
    other, *_ = tasks_of("b")
    same = [
        receipt_of(task, State.FAILED, code="x", message="Camera A, frame 1007: a/img.1007.png: too dark"),
        receipt_of(other, State.FAILED, code="x", message="Camera A, frame 1: /b/img.0001.png: too dark"),
    ]
    assert [cause.sequences for cause in causes(same)] == [("a", "b")]
    different = [same[0], receipt_of(other, State.FAILED, code="y", message=same[0].message)]
    assert len(causes(different)) == 2


@pytest.mark.parametrize(
    ("troubles", "status"),
    [
        ({}, 0),
        ({"a": Trouble("fit", "no")}, 4),
        ({"a": Trouble("report", "", exit_status=4), "b": Trouble("report", "", exit_status=5)}, 4),
        ({"a": Trouble("fit", "no"), "b": Trouble("fit", "no")}, 1),
        ({"a": Trouble("survey", "no"), "b": Trouble("survey", "no")}, 3),
    ],
)
def test_the_exit_status_of_a_job_follows_from_its_sequences(
    tmp_path: Path, troubles: dict[str, Trouble], status: int
) -> None:
    """0 all done, 4 some not, 1 all failed, 3 all footage missing."""
    assert summarise(read_record(make_job(tmp_path / "j", ["a", "b"], troubles))).exit_status == status


def test_a_job_of_which_nothing_is_known_yet_has_a_summary(tmp_path: Path) -> None:
    """All sequences wait, and there is no exit status."""
    folder = make_job(tmp_path / "j", [])
    with Ledger(folder) as ledger:
        ledger.begin(request_for(folder, ["a", "b"]))
    summary = write_summaries(folder)
    assert summary.exit_status is None
    assert summary_lines(summary)[0] == "j: 0 of 2 sequences are done; 2 waiting"


def test_work_that_was_found_done_keeps_its_figures(tmp_path: Path) -> None:
    """A second run, in which all is up to date, does not make the night's times into nothing."""
    folder = make_job(tmp_path / "j", ["a"])
    with Ledger(folder) as ledger:
        ledger.record([receipt_of(task, State.CURRENT, attempt=2, process=7) for task, _ in endings("a")])
    assert summarise(read_record(folder)).sequences[0].seconds["fit"] == 140.0
