"""What a farm does command by command is what one process does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from fitting.head_model import load_head_model
from jobs.plans.plan import CommandOptions, PlannedTask, make_plan
from pipeline import segments
from pipeline.cli import main
from pipeline.shoot.shoot import Shoot
from pipeline.stages import calibrate, detect
from tests.pipeline.synthetic_shoot import OraclePredictor, SyntheticShoot, write_synthetic_shoot

# torch says so of its own forward-mode differentiation, when that is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

SETTINGS = 'weights = "weights.safetensors"\n[export]\nformats = ["npz"]\n'


@pytest.fixture
def synthetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SyntheticShoot:
    """A shoot of five frames in segments of two, ready to run with a perfect network."""
    model = load_head_model()
    (tmp_path / "weights.safetensors").write_bytes(b"any")
    made = write_synthetic_shoot(tmp_path, model, extra=SETTINGS)
    calibrate.main(made.shoot)
    oracle = OraclePredictor(made.shoot, model, made.vertices)
    monkeypatch.setattr(detect, "load_predictor", lambda *args, **kwargs: oracle)
    monkeypatch.setattr(segments, "SEGMENT", 2)
    return made


def vultus(*words: str) -> None:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 0, done.output


def shuffled(tasks: tuple[PlannedTask, ...]) -> list[PlannedTask]:
    """The tasks in an order that only their needs restrict."""
    chance, order, waiting = random.Random(3), list[PlannedTask](), list(tasks)
    while waiting:
        done = {task.id for task in order}
        task = chance.choice([each for each in waiting if done.issuperset(each.needs)])
        waiting.remove(task)
        order.append(task)
    return order


def results(shoot: Shoot) -> dict[str, bytes]:
    """The files that are for users, by name."""
    files = (file for file in shoot.output.rglob("*") if file.is_file())
    named = {file.relative_to(shoot.output).as_posix(): file.read_bytes() for file in files}
    return {name: data for name, data in named.items() if not name.startswith(".")}


def test_the_commands_of_a_plan_in_any_order_come_to_the_same_bytes(
    synthetic: SyntheticShoot, tmp_path: Path
) -> None:
    """Landmarks, fit, exports, overlays and page; and once more there is nothing to do."""
    shoot = synthetic.shoot
    vultus("run", str(shoot.file), "--device", "cpu")
    whole = results(shoot)
    options = CommandOptions(output=str(tmp_path / "farm"), device="cpu")
    order = shuffled(make_plan([shoot], options).tasks())
    assert [task.frames for task in order].count("") == len(order) - 3
    for task in order:
        vultus(*task.command[1:])
    farm = shoot.with_changes(shoot={"output": str(tmp_path / "farm" / shoot.name)})
    assert results(farm).keys() == whole.keys()
    assert [name for name, data in results(farm).items() if data != whole[name]] == []
    again = CliRunner().invoke(main, [*order[-1].command[1:]])
    assert "Progress" not in again.stdout
