"""A night's work written down for farms without Dask: what runs, and what waits for what."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from jobs.plans import FORMATS, deadline, opencue
from jobs.plans.farm import FarmOptions
from jobs.plans.plan import CommandOptions, Plan, make_plan, unique_names
from pipeline import segments
from pipeline.cli import main
from pipeline.shoot.shoot import Shoot, read_shoot

ODD = "Björn's take {1} [b] $x; #2 \\ &"
FRAMES = range(1001, 1011)
RIGS = """
[[rigs]]
name = "day"
source = "board"
[rigs.board]
columns = 9
rows = 6
square_mm = 30
images = { left = "board" }
"""
"""How a shoot day says that its takes share a calibration."""
DETECTS = ("1001-1004", "1005-1008", "1009-1010")


@pytest.fixture
def chunked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of four frames, so that a take of ten is cut."""
    monkeypatch.setattr(segments, "SEGMENT", 4)


def write_shoot(folder: Path, *, name: str = "", calibration: str = "") -> Shoot:
    """A camera of ten black images."""
    (folder / "left").mkdir(parents=True)
    for frame in FRAMES:
        cv2.imwrite(str(folder / "left" / f"left.{frame}.png"), np.zeros((8, 8, 3), np.uint8))
    table = f'[shoot]\nname = "{name}"\n' if name else ""
    text = f'{table}[cameras.left]\nimages = "left"\n{calibration}'
    (folder / "shoot.toml").write_text(text)
    return read_shoot(folder / "shoot.toml")


@pytest.fixture
def odd(tmp_path: Path, chunked: None) -> Plan:
    """The plan of a take whose folder has a name that every farm manager could stumble over."""
    return make_plan([write_shoot(tmp_path / ODD)], CommandOptions(), "night 1")


def commands(plan: Plan) -> list[tuple[str, ...]]:
    return [task.command for task in plan.tasks()]


def test_a_plan_has_a_command_for_each_chunk_and_one_that_puts_them_together(odd: Plan) -> None:
    """Each names what it waits for; the last says what became of the take."""
    needs = {task.id.split("/")[1]: [each.split("/")[1] for each in task.needs] for task in odd.tasks()}
    chunks = [f"detect {frames}" for frames in DETECTS]
    assert needs == {
        "calibrate": [],
        **{each: ["calibrate"] for each in chunks},
        "detect": chunks,
        "fit": ["detect"],
        "export": ["fit"],
        "overlay": ["fit"],
        "report": ["export", "overlay"],
    }
    assert [task.of.gpu for task in odd.tasks()] == [False, True, True, True, *[False] * 5]


def test_a_short_take_is_not_cut(tmp_path: Path) -> None:
    """What is one segment is one command."""
    plan = make_plan([write_shoot(tmp_path / "take")], CommandOptions(chunk=4))
    assert [stage.stage for stage in plan.stages].count("detect") == 1
    assert plan.stages[1].gpu


def test_commands_carry_the_options_that_the_plan_was_made_with(tmp_path: Path) -> None:
    """A farm's machine knows nothing of the line that was typed; equal names do not share results."""
    shoots = [write_shoot(tmp_path / each, name="take") for each in ("a", "b")]
    fit = {"solver": None, "cameras": "unknown", "personal_shape": True}
    options = CommandOptions(("rez", "vultus"), str(tmp_path / "out"), "cuda:1", fit)
    first, *_, last = commands(make_plan(shoots, options))
    shared = ["--device", "cuda:1", "--cameras", "unknown", "--personal-shape"]
    for words, shoot, stage, name in (
        (first, shoots[0], "calibrate", "take"),
        (last, shoots[1], "report", "take-2"),
    ):
        assert list(words) == [
            *("rez", "vultus", "run", str(shoot.file), "--stage", stage),
            *("--output", str(tmp_path / "out" / name), *shared),
        ]


def test_a_calibration_that_takes_share_is_made_once(tmp_path: Path) -> None:
    """The second take waits for the first one's, instead of holding a machine meanwhile."""
    (tmp_path / "rigs.toml").write_text(RIGS)
    calibration = '[calibration]\nsource = "rigs"\nfile = "../rigs.toml"\n'
    shoots = [write_shoot(tmp_path / each, calibration=calibration) for each in ("a", "b", "c")]
    plan = make_plan(shoots, CommandOptions())
    waits = {stage.id: stage.needs for stage in plan.stages if stage.stage == "calibrate"}
    assert waits == {"a/calibrate": (), "b/calibrate": ("a/calibrate",), "c/calibrate": ("a/calibrate",)}


def test_a_misspelt_setting_is_told_before_anything_is_submitted(tmp_path: Path) -> None:
    """Not by a hundred failed tasks in the morning."""
    shoot = write_shoot(tmp_path / "take", calibration='[export]\nformats = ["fbx"]\n')
    done = CliRunner().invoke(main, ["jobs", "plan", str(shoot.root)])
    assert done.exit_code == 2
    assert "fbx" in done.stderr


def test_lines_are_words_of_a_shell_in_an_order_that_can_be_run(odd: Plan) -> None:
    """Headings part those that can run side by side."""
    (text,) = FORMATS["lines"].write(odd, FarmOptions()).values()
    lines = [line for line in text.splitlines() if "--stage" in line]
    assert [tuple(shlex.split(line.removesuffix(" || status=$?"))) for line in lines] == commands(odd)
    assert [line for line in text.splitlines() if line.startswith("# 2")] == ["# 2: detect"]
    assert "# 5: export, overlay" in text


@pytest.mark.parametrize(
    ("stage", "status", "calls"), [("fit", 3, 6), ("report", 4, 9), ("none", 0, 9)], ids=str
)
def test_a_shell_that_runs_the_lines_stops_where_one_fails(
    odd: Plan, tmp_path: Path, farm: Path, stage: str, status: int, calls: int
) -> None:
    """A detection without its calibration would be another one; but a report that warns is no failure."""
    failing = f"#!/bin/sh\necho >> {shlex.quote(str(farm))}\n[ $4 != {stage} ] || exit {status}\n"
    (tmp_path / "bin" / "vultus").write_text(failing)
    (text,) = FORMATS["lines"].write(odd, FarmOptions()).values()
    assert subprocess.run(["sh", "-c", text], check=False).returncode == status
    assert len(farm.read_text().splitlines()) == calls


def test_json_has_words_and_needs_for_scripts(odd: Plan) -> None:
    """So that a studio's own submitter need not parse a shell's quotes."""
    (text,) = FORMATS["json"].write(odd, FarmOptions()).values()
    tasks = json.loads(text)["tasks"]
    assert [tuple(task["command"]) for task in tasks] == commands(odd)
    assert tasks[1]["frames"] == "1001-1004"
    assert tasks[1]["needs"] == [tasks[0]["id"]]


SBATCH = """#!{python}
import json, os, pathlib, subprocess, sys
*options, script = sys.argv[1:]
lines = pathlib.Path(script).read_text().splitlines()
array = [line.split("-")[-1] for line in lines if line.startswith("#SBATCH --array=0-")]
for index in range(int(array[0]) + 1) if array else [0]:
    environment = dict(os.environ, SLURM_ARRAY_TASK_ID=str(index))
    subprocess.run(["bash", script], env=environment, check=True)
with open("submitted.jsonl", "a") as stream:
    number = sum(1 for _ in open("submitted.jsonl")) + 100
    stream.write(json.dumps([number, script, options]) + "\\n")
print(f"{{number}};cluster")
"""
VULTUS = """#!{python}
import json, sys
with open({log!r}, "a") as stream:
    stream.write(json.dumps(sys.argv[1:]) + "\\n")
"""


def stand_in(folder: Path, name: str, text: str, **values: object) -> None:
    """A program that is found before any of the same name."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text.format(python=sys.executable, **values))
    (folder / name).chmod(0o755)


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for vultus, whose log is returned, and for the programs that submit."""
    programs, log = tmp_path / "bin", tmp_path / "log.jsonl"
    stand_in(programs, "sbatch", SBATCH)
    stand_in(programs, "vultus", VULTUS, log=str(log))
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return log


def written(odd: Plan, form: str, folder: Path) -> Path:
    """A plan's files."""
    farm = FarmOptions(queue="cpu", gpu_queue="gpu", walltime="01:00:00")
    for name, text in FORMATS[form].write(odd, farm).items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_script_for_slurm_submits_arrays_that_wait_for_each_other(
    odd: Plan, tmp_path: Path, farm: Path
) -> None:
    """Run by a stand-in for sbatch, vultus gets every word as it is."""
    folder = written(odd, "slurm", tmp_path / "plan of Björn")
    subprocess.run(["bash", str(folder / "submit.sh"), "--account=a b"], check=True, cwd=tmp_path)
    calls = [tuple(json.loads(line)) for line in farm.read_text().splitlines()]
    assert calls == [command[1:] for command in commands(odd)]
    jobs = [json.loads(line) for line in (folder / "submitted.jsonl").read_text().splitlines()]
    numbers = {script.split(".")[-2]: number for number, script, _ in jobs}
    options = {script.split(".")[-2]: given for _, script, given in jobs}
    assert all("--account=a b" in given for given in options.values())
    needs = f"--dependency=afterok:{numbers['export']}:{numbers['overlay']}"
    assert needs in options["report"]
    detect = (folder / next(script for _, script, _ in jobs if "chunks" in script)).read_text()
    assert {"#SBATCH --array=0-2", "#SBATCH --partition=gpu", "#SBATCH --gres=gpu:1"} <= set(
        detect.splitlines()
    )


DEADLINE = """#!{python}
import json, pathlib, sys
job, plugin = (pathlib.Path(each).read_text(encoding="utf-8") for each in sys.argv[1:])
log = pathlib.Path({log!r})
number = len(log.read_text().splitlines()) if log.exists() else 0
with log.open("a") as stream:
    stream.write(json.dumps([job, plugin]) + "\\n")
print("Deadline Command\\nResult=Success")
print(f"JobID=5fa{{number}}")
"""


def settings(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_the_script_for_deadline_submits_jobs_with_the_numbers_of_those_before_them(
    odd: Plan, tmp_path: Path, farm: Path
) -> None:
    """Deadline cuts the frames into chunks itself, and puts their ends into the command."""
    log = tmp_path / "deadline.jsonl"
    stand_in(tmp_path / "bin", "deadlinecommand", DEADLINE, log=str(log))
    folder = written(odd, "deadline", tmp_path / "plan")
    subprocess.run([sys.executable, str(folder / "submit.py")], check=True, env=without_deadline())
    jobs = [[settings(text) for text in json.loads(line)] for line in log.read_text().splitlines()]
    assert len(jobs) == len(odd.stages)
    for (job, plugin), stage in zip(jobs, odd.stages, strict=True):
        words = [plugin["Executable"], *shlex.split(plugin["Arguments"])]
        assert tuple(words) == stage.words(deadline.CHUNK)
        assert job["Plugin"] == "CommandLine"
    chunks, report = jobs[1][0], jobs[-1][0]
    assert (chunks["Frames"], chunks["ChunkSize"], chunks["Pool"]) == ("1001-1010", "4", "gpu")
    assert chunks["JobDependencies"] == "5fa0"
    assert report["JobDependencies"] == "5fa4,5fa5"


def without_deadline() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "DEADLINE_PATH"}


def test_the_file_for_tractor_is_tcl_whose_nesting_says_what_waits(odd: Plan) -> None:
    """Read back by Tcl itself; what two tasks need is written out once and referred to once."""
    (text,) = FORMATS["tractor"].write(odd, FarmOptions(queue="cpu", gpu_queue="gpu")).values()
    tasks, instances = read_tractor(text)
    assert tasks == {task.id: (task.command, set(task.needs)) for task in odd.tasks()}
    assert [each.split("/")[1] for each in instances] == ["calibrate", "calibrate", "fit"]
    assert text.count("-service gpu") == 3


def read_tractor(text: str) -> tuple[dict[str, tuple[tuple[str, ...], set[str]]], list[str]]:
    """Command and needs of each task, and the instances, as a Tcl interpreter understands the file."""
    tcl = pytest.importorskip("tkinter", reason="this Python has no Tcl").Tcl()
    tasks: dict[str, tuple[tuple[str, ...], set[str]]] = {}
    instances: list[str] = []

    def parts(script: str) -> list[tuple[str, ...]]:
        """The commands of a script, as words."""
        found: list[tuple[str, ...]] = []
        for name in ("Job", "Task", "Instance", "RemoteCmd"):
            tcl.createcommand(name, lambda *words, name=name: found.append((name, *words)))
        tcl.eval(script)
        return found

    def children(script: str) -> set[str]:
        names = set()
        for kind, title, *options in parts(script):
            names.add(title)
            if kind == "Instance":
                instances.append(title)
                continue
            given = dict(zip(options[::2], options[1::2], strict=True))
            needs = children(given["-subtasks"])
            ((_, launch, *_),) = parts(given["-cmds"])
            tasks[title] = (tuple(tcl.splitlist(launch)), needs)
        return names

    ((_, *options),) = parts(text)
    children(dict(zip(options[::2], options[1::2], strict=True))["-subtasks"])
    return tasks, instances


def test_the_specification_for_opencue_has_layers_of_chunks_that_depend_on_each_other(odd: Plan) -> None:
    """A layer is a stage; OpenCue puts the ends of a chunk into the command before a shell reads it."""
    farm = FarmOptions(gpu_queue="gpu", user="jan")
    (text,) = FORMATS["opencue"].write(odd, farm).values()
    root = ElementTree.fromstring(text)
    assert [child.tag for child in root] == ["show", "shot", "user", "job", "depends"]
    layers = list(root.iterfind("job/layers/layer"))
    for layer, stage in zip(layers, odd.stages, strict=True):
        assert tuple(shlex.split(layer.findtext("cmd", ""))) == stage.words(opencue.CHUNK)
    chunks = layers[1]
    assert (chunks.findtext("range"), chunks.findtext("chunk")) == ("1001-1010", "4")
    assert [child.tag for child in chunks] == [
        "cmd",
        "range",
        "chunk",
        "gpus",
        "gpu_memory",
        "tags",
        "services",
    ]
    names = [layer.get("name") for layer in layers]
    pairs = {
        (each.findtext("deplayer"), each.findtext("onlayer")) for each in root.iterfind("depends/depend")
    }
    assert (names[-1], names[-2]) in pairs
    assert len(pairs) == sum(len(stage.needs) for stage in odd.stages)


@pytest.mark.parametrize(
    ("form", "folder"),
    [
        ("tractor", "100%d"),
        ("deadline", "<STARTFRAME>"),
        ("opencue", "#IFRAME#"),
        ("lines", "a\nb"),
        ("slurm", "a\nb"),
    ],
)
def test_a_path_that_a_farm_manager_would_change_is_refused(tmp_path: Path, form: str, folder: str) -> None:
    """Rather than that a task works on another path, or none."""
    shoot, output = write_shoot(tmp_path / "take"), str(tmp_path / folder)
    done = CliRunner().invoke(main, ["jobs", "plan", str(shoot.root), "--format", form, "--output", output])
    assert done.exit_code == 2
    assert "Rename" in done.stderr


def test_the_command_prints_one_file_and_writes_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunked: None
) -> None:
    """Scripts can be run as they are."""
    shoot = write_shoot(tmp_path / "take")
    monkeypatch.chdir(tmp_path)
    printed = CliRunner().invoke(main, ["jobs", "plan", "take", "--chunk", "4", "--solver", "lbfgs"])
    assert printed.stdout.count("--solver lbfgs") == 9
    assert str(shoot.file) in printed.stdout
    done = CliRunner().invoke(main, ["jobs", "plan", "take", "--format", "slurm"])
    assert done.exit_code == 0, done.output
    assert os.access(tmp_path / "vultus-plan" / "submit.sh", os.X_OK)


def test_two_takes_of_one_name_have_two_names() -> None:
    """Also where the second name is that of a third."""
    assert unique_names(["a", "a", "a-2", "b"]) == ["a", "a-2", "a-2-2", "b"]
