"""Ablations: which trainings there are, how they go on, and their table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calibration.errors import InputError, UsageError
from detector.layouts import layout
from detector.network_config import preset
from detector.training.ablation import AblationPlan, ablate, variants
from detector.training.ablation_table import Row, write_table
from detector.training.samples import write_shard
from detector.training.stream import StreamConfig, render_chunk
from fitting.head_model import load_head_model
from tests.detector.fakes import DotFactory


def plan(folder: Path, **changes: object) -> AblationPlan:
    """Trainings of one step."""
    settings: dict[str, object] = {"output": folder / "out", "samples": folder / "samples", "steps": 1}
    return AblationPlan(**(settings | changes))  # type: ignore[arg-type]


def row(**changes: object) -> Row:
    """A row of the table."""
    values = {
        **{"name": "reference", "question": "all", "answer": "GNLL", "steps": 9, "minutes": 1.25},
        **{"held_out_nme": 2.5, "held_out_px": None, "spread": 1.01, "for_release": True},
        **{f"photographs_{name}": 4.0 for name in ("nme", "median", "fr10", "auc10")},
    }
    return Row(**(values | changes))  # type: ignore[arg-type]


def test_every_training_differs_from_the_reference_in_one_thing(tmp_path: Path) -> None:
    """Loss, augmentation, predictor and data are compared; a mix is trained only where there is one."""
    found = variants(plan(tmp_path, mix=tmp_path), preset("small"))
    assert found[0].name == "reference"
    assert not found[0].settings
    assert not found[0].network
    assert [each.question for each in found[1:]] == (
        ["loss"] + 3 * ["augmentation"] + (len(found) - 6) * ["predictor"] + ["data"]
    )
    assert {"mlp", "transformer", "plain"} <= {each.network.get("predictor") for each in found}
    for each in found[1:]:
        assert len({key for key in (*each.settings, *each.network) if not key.startswith("layout")}) == 1
    assert len(variants(plan(tmp_path), preset("small"))) == len(found) - 1
    assert [each.name for each in variants(plan(tmp_path, only=("l2",)), preset("small"))] == [
        "reference",
        "l2",
    ]
    with pytest.raises(UsageError, match="no-augmentation"):
        variants(plan(tmp_path, only=("l3",)), preset("small"))


def test_the_table_says_what_was_measured_and_nothing_else(tmp_path: Path) -> None:
    """Numbers with two places, empty cells for what a network does not predict."""
    text = write_table(tmp_path, [row(), row(answer="L2", photographs_nme=5.125)]).read_text()
    assert "Trainings of 9 steps" in text
    assert "| all | GNLL | 1.2 | 2.50 |  | 1.01 | 4.00 | 4.00 | 4.00 | 4.00 |" in text
    assert "| all | L2 | 1.2 | 2.50 |  | 1.01 | 5.12 |" in text
    rows = [Row.from_json(each) for each in json.loads((tmp_path / "ablation.json").read_text())]
    assert rows[1].photographs_nme == 5.125


def test_a_folder_of_another_plan_is_refused(tmp_path: Path) -> None:
    """Results of different settings do not end up in one table."""
    (tmp_path / "samples").mkdir()
    for seed in (0, 1):
        with pytest.raises((InputError, UsageError), match="no samples" if seed == 0 else "another plan"):
            ablate(plan(tmp_path, seed=seed))


def test_a_length_is_needed() -> None:
    """Minutes or steps, not both."""
    with pytest.raises(UsageError, match="either minutes or steps"):
        AblationPlan(Path("a"), Path("b"))
    with pytest.raises(UsageError, match="either minutes or steps"):
        AblationPlan(Path("a"), Path("b"), minutes=1.0, steps=1)


@pytest.mark.slow
def test_an_ablation_trains_measures_and_does_nothing_twice(tmp_path: Path) -> None:
    """Two trainings on dots and one photograph; called again, it reads what it has."""
    (tmp_path / "samples").mkdir()
    stream = StreamConfig(DotFactory(144), chunk=4)
    for index, held_out in ((0, True), (0, False)):
        write_shard(tmp_path / "samples", render_chunk(DotFactory(144)(), stream, index, held_out))
    (tmp_path / "faces").mkdir()
    head = layout("ibug68", load_head_model()).queries.numpy() * [60, -60, 60] + 80
    Image.fromarray(np.zeros((160, 160, 3), np.uint8)).save(tmp_path / "faces" / "a.png")
    rows = "\n".join(f"{x} {y}" for x, y in head[:, :2])
    (tmp_path / "faces" / "a.pts").write_text(f"n_points: 68\n{{\n{rows}\n}}\n")
    chosen = plan(
        tmp_path,
        init="random",
        only=("mixed-not-for-release",),
        mix=tmp_path / "faces",
        photographs=tmp_path / "faces",
        device="cpu",
    )
    table = ablate(chosen)
    found = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert [each["for_release"] for each in found] == [True, False]
    assert all(each["steps"] == 1 and each["photographs_nme"] > 0 for each in found)
    weights = tmp_path / "out" / "reference" / "weights.safetensors"
    before = weights.stat().st_mtime_ns
    assert ablate(chosen).read_text() == table.read_text()
    assert weights.stat().st_mtime_ns == before
