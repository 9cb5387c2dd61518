"""What a farm manager is given instead of a Dask cluster: plain command lines, and what each one waits for.

A plan consists of stages. A stage is one command, or an array of commands that differ in the frames alone:
its chunks. How each farm manager wants that written is in :mod:`jobs.plans`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path

from pipeline.frames.ranges import parse_frames
from pipeline.shoot.shoot import Shoot
from pipeline.steps import Step, check, shoot_steps

FRAMES = "{frames}"
"""What stands in the command of an array for the frames of a chunk."""

_CHUNKS = " chunks"
_GPU_STAGES = ("detect",)


@dataclass(frozen=True)
class CommandOptions:
    """What all commands of a plan have in common.

    Attributes:
        program: the words that start vultus on a machine of the farm.
        output: not empty where results go to ``output/<sequence>`` instead of where the shoot files say.
        device: instead of the shoot files'.
        fit: keys of ``[fit]`` instead of the shoot files'; None for those that are not changed.
        chunk: how many frame numbers a chunk spans; None for the stages' own chunks.
    """

    program: tuple[str, ...] = ("vultus",)
    output: str = ""
    device: str | None = None
    fit: Mapping[str, object] = field(default_factory=dict)
    chunk: int | None = None


@dataclass(frozen=True)
class PlannedStage:
    """A stage of a sequence, or the chunks of one.

    Attributes:
        id: unique in the plan, such as ``take1/detect`` or ``take1/detect chunks``.
        sequence: name of the shoot, unique in the plan.
        stage: a name of :data:`pipeline.steps.WHOLE`.
        command: words; in an array, :data:`FRAMES` stands for the frames.
        needs: ids of the stages that must have ended well before it.
        chunks: the frame ranges of an array; empty for a single command.
        frames: first and last number of the shoot.
        chunk: how many frame numbers a chunk spans.
        gpu: whether it gains from a GPU.
    """

    id: str
    sequence: str
    stage: str
    command: tuple[str, ...]
    needs: tuple[str, ...]
    chunks: tuple[str, ...]
    frames: tuple[int, int]
    chunk: int
    gpu: bool

    def words(self, frames: str) -> tuple[str, ...]:
        """The command with these frames in their place, or a farm manager's word for them."""
        return tuple(frames if word == FRAMES else word for word in self.command)


@dataclass(frozen=True)
class PlannedTask:
    """One command.

    Attributes:
        id: unique in the plan, such as ``take1/detect 1001-1240``.
        of: the stage that it is a part of.
        frames: of a chunk; empty for a whole stage.
        command: its words.
        needs: ids of the tasks that must have ended well before it.
    """

    id: str
    of: PlannedStage
    frames: str
    command: tuple[str, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The stages of some shoots, each after those that it needs.

    Attributes:
        name: of the job.
        stages: of all shoots.
    """

    name: str
    stages: tuple[PlannedStage, ...]

    @property
    def sequences(self) -> tuple[str, ...]:
        """The names of the shoots, in order."""
        return tuple(dict.fromkeys(stage.sequence for stage in self.stages))

    def tasks(self) -> tuple[PlannedTask, ...]:
        """Every command, each after those that it needs."""
        ids = {stage.id: tuple(_task_ids(stage)) for stage in self.stages}
        return tuple(
            PlannedTask(
                name,
                stage,
                frames,
                stage.words(frames),
                tuple(each for needed in stage.needs for each in ids[needed]),
            )
            for stage in self.stages
            for name, frames in zip(ids[stage.id], stage.chunks or ("",), strict=True)
        )


def make_plan(shoots: Sequence[Shoot], options: CommandOptions, name: str = "vultus") -> Plan:
    """Write down what ``vultus run`` would do with some shoots, in commands that a farm can spread.

    A calibration that several takes share is made by the first of them; the others wait for it.

    Args:
        shoots: as ``vultus run`` would open them, without what `options` change.
        options: of all commands.
        name: of the job.

    Raises:
        UsageError: a setting of a shoot makes no sense.
        InputError: images are missing.
    """
    stages: list[PlannedStage] = []
    calibrated: dict[Path, str] = {}
    for sequence, shoot in zip(unique_names([shoot.name for shoot in shoots]), shoots, strict=True):
        output = str(Path(options.output).resolve() / sequence) if options.output else None
        changed = shoot.with_changes(
            shoot={"output": output},
            detect={"device": options.device},
            fit={"device": options.device, **options.fit},
        )
        check(changed)
        planned = _stages(changed, sequence, replace(options, output=output or ""))
        stages += _after_shared(planned, changed, calibrated)
    return Plan(name, tuple(stages))


def unique_names(names: Sequence[str]) -> list[str]:
    """The names, with a number after one that came before: two shoots may be called the same."""
    given: list[str] = []
    for name in names:
        others = (f"{name}-{number}" for number in count(2))
        given.append(next(each for each in chain((name,), others) if each not in given))
    return given


def _stages(shoot: Shoot, sequence: str, options: CommandOptions) -> Iterator[PlannedStage]:
    steps = shoot_steps(shoot)
    for stage in dict.fromkeys(step.stage for step in steps):
        own = [step for step in steps if step.stage == stage]
        parts = [step for step in own if step.frames]
        whole = next(step for step in own if not step.frames)
        planned = PlannedStage(
            id=f"{sequence}/{stage}",
            sequence=sequence,
            stage=stage,
            command=_command(shoot, stage, options),
            needs=_ids(sequence, whole),
            chunks=(),
            frames=(shoot.frames[0], shoot.frames[-1]),
            chunk=1,
            gpu=stage in _GPU_STAGES and shoot.settings.detect.device != "cpu",
        )
        if parts:
            yield _array(planned, parts, shoot.frames, options.chunk)
            # What puts the chunks together has nothing left for a GPU to do.
            planned = replace(planned, gpu=False)
        yield planned


def _array(
    whole: PlannedStage, parts: Sequence[Step], frames: Sequence[int], size: int | None
) -> PlannedStage:
    """The chunks of a stage: its own ones, or ranges of a size."""
    chunks = tuple(part.frames for part in parts) if size is None else _ranges(frames, size)
    return replace(
        whole,
        id=f"{whole.id}{_CHUNKS}",
        command=(*whole.command, "--frames", FRAMES),
        needs=_ids(whole.sequence, parts[0]),
        chunks=chunks,
        chunk=size or _first(chunks[1]) - _first(chunks[0]),
    )


def _ids(sequence: str, step: Step) -> tuple[str, ...]:
    """What a step needs, as ids of planned stages: a chunk of a stage stands for all of them."""
    stages = (name.partition(" ") for name in step.needs)
    return tuple(
        dict.fromkeys(f"{sequence}/{stage}{_CHUNKS if frames else ''}" for stage, _, frames in stages)
    )


def _first(chunk: str) -> int:
    return parse_frames(chunk)[0]


def _ranges(frames: Sequence[int], size: int) -> tuple[str, ...]:
    """Ranges of `size` numbers from the first frame on, without those in which there is no frame."""
    begin = sorted({frames[0] + (frame - frames[0]) // size * size for frame in frames})
    return tuple(f"{first}-{min(first + size - 1, frames[-1])}" for first in begin)


def _command(shoot: Shoot, stage: str, options: CommandOptions) -> tuple[str, ...]:
    words = [*options.program, "run", str(shoot.file.resolve()), "--stage", stage]
    if options.output:
        words += ["--output", options.output]
    if options.device:
        words += ["--device", options.device]
    for key, value in options.fit.items():
        option = f"--{key.replace('_', '-')}"
        if value is not None:
            words += [option] if value is True else [option, str(value)]
    return tuple(words)


def _after_shared(
    stages: Iterator[PlannedStage], shoot: Shoot, calibrated: dict[Path, str]
) -> Iterator[PlannedStage]:
    """The stages, a calibration of boards that another take makes being waited for."""
    choice = shoot.rig_choice
    folders = [] if choice is None else [choice.folder(rig.name) for rig in choice.made]
    for stage in stages:
        if stage.stage == "calibrate":
            first = {calibrated.setdefault(folder, stage.id) for folder in folders}
            others = tuple(sorted(first - {stage.id}))
            stage = replace(stage, needs=(*stage.needs, *others))
        yield stage


def _task_ids(stage: PlannedStage) -> Iterator[str]:
    if not stage.chunks:
        yield stage.id
    for frames in stage.chunks:
        yield f"{stage.sequence}/{stage.stage} {frames}"
