"""Statistics say what a library has; samples bring what is rare in it to the engine."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from calibration.errors import InputError, UsageError
from detector.synthetic.expression_library import ExpressionLibrary
from detector.training.config import TrainConfig
from detector.training.synthetic import SyntheticFactory
from fitting.arkit import ARKIT_SHAPES
from pipeline.cli import main
from pipeline.database.cache import look
from pipeline.database.pictures import write_pictures
from pipeline.database.query import Query
from pipeline.database.reports import statistics_lines
from pipeline.database.sampling import SampleWish, draw, rarity, training_expressions, write_sample
from pipeline.database.statistics import describe
from pipeline.database.view import View
from tests.pipeline.expression_shards import made_database, made_shard

SMILE, TONGUE = (ARKIT_SHAPES.index(name) for name in ("mouthSmileLeft", "tongueOut"))


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    """2,000 frames of Anna, who mostly smiles, and in 6 of them shows the tongue; 500 of Bob's brows."""
    rng = np.random.default_rng(4)
    tongue = np.zeros(2000)
    tongue[rng.choice(2000, 6, replace=False)] = 0.8
    smile = rng.uniform(0.2, 0.9, 2000)
    brows = rng.uniform(0.0, 1.0, 500)
    anna = made_shard(
        "anna", frames=range(2000), mouthSmileLeft=smile, mouthSmileRight=smile, tongueOut=tongue
    )
    bob = made_shard("bob", frames=range(500), browDownLeft=brows, browDownRight=brows)
    bob.rows["expression"][:, ARKIT_SHAPES.index("cheekPuff")] = np.nan
    return look(made_database(tmp_path_factory.mktemp("sampling"), anna, bob))


def test_coverage_counts_frames_above_each_level(view: View) -> None:
    """Shares and maxima by shape; shapes that fewer than one frame in a thousand drives are lacking."""
    found = describe(view)
    expression = np.nan_to_num(view.expression())
    np.testing.assert_allclose(
        found.shares[SMILE], [(expression[:, SMILE] > x).mean() for x in (0.1, 0.3, 0.6)]
    )
    assert found.strongest[TONGUE] == pytest.approx(0.8)
    assert "tongueOut" not in found.lacking
    assert {"jawOpen", "cheekPuff"} <= set(found.lacking)
    assert (found.frames, found.subjects, found.takes) == (2500, {"anna": 2000, "bob": 500}, 2)


def test_correlation_and_components_are_those_of_numpy(view: View) -> None:
    """Shapes that never move have no correlation; two that always move together are one component."""
    found = describe(view)
    expression = np.nan_to_num(view.expression()).astype(np.float64)
    moving = np.flatnonzero(expression.std(axis=0) > 0)
    expected = np.corrcoef(expression[:, moving].T)
    np.testing.assert_allclose(found.correlation[np.ix_(moving, moving)], expected, atol=1e-5)
    assert np.isnan(found.correlation[ARKIT_SHAPES.index("jawOpen")]).all()
    assert found.components(0.99) == 2
    assert found.explained.sum() == pytest.approx(1.0)
    some = describe(view, Query('subject == "bob"').mask(view))
    assert some.components(0.999) == 1
    assert some.subjects == {"bob": 500}


def test_statistics_of_nothing_are_none(view: View) -> None:
    """No frames: nothing is covered, and no picture fails."""
    found = describe(view, np.zeros(len(view), dtype=bool))
    assert found.frames == 0
    assert len(found.lacking) == 52
    assert statistics_lines(found)[0] == "0 frames of 0 takes and 0 subjects"


def test_the_pictures_show_what_was_found(view: View, tmp_path: Path) -> None:
    """A red name for what is lacking, red on the diagonal, grey where nothing moves."""
    paths = write_pictures(describe(view), tmp_path / "stats")
    assert [path.name for path in paths] == ["coverage.png", "correlation.png", "components.png"]
    pictures = [np.asarray(cv2.imread(str(path)))[..., ::-1] for path in paths]
    red = (pictures[0] == (200, 60, 50)).all(axis=-1)
    assert red.any()
    first, jaw = ARKIT_SHAPES.index("browDownLeft"), ARKIT_SHAPES.index("jawOpen")
    cell = [190 + 15 * at + 7 for at in (first, jaw)]
    assert tuple(pictures[1][cell[0], cell[0]]) == (178, 24, 43)
    assert tuple(pictures[1][cell[1], cell[1]]) == (205, 205, 202)


def test_a_balanced_sample_brings_out_what_is_rare(view: View) -> None:
    """6 of 2,500 frames show the tongue: most of them are among 200 that are drawn, not one in twelve."""
    plain, balanced = (draw(view, SampleWish(200, balanced=choice)) for choice in (False, True))
    seen = [(view.floats("tongueOut")[rows] > 0.5).sum() for rows in (plain, balanced)]
    assert seen[0] <= 2
    assert seen[1] >= 4
    assert len(np.unique(balanced)) == 200


def test_rarity_follows_the_share_and_is_bounded() -> None:
    """A kind of half the frames is common; one of a hundredth is drawn five times as often; a stray frame is
    not drawn without end; what is not known counts as off."""
    expression = np.zeros((10_000, 52), np.float32)
    expression[:5000, SMILE] = 0.5
    expression[:100, TONGUE] = 0.4
    expression[9999, 0] = 0.9
    expression[9000:, 5] = np.nan
    factors = rarity(expression)
    assert factors[7000] == factors[4000] == factors[9500] == 1.0
    assert factors[50] == pytest.approx(5.0)
    assert factors[9999] == 50.0


def test_a_seed_draws_the_same_frames_in_whatever_order_they_came(tmp_path: Path) -> None:
    """Of the same database, however its cache was made."""
    shards = [made_shard("anna", f"take{k}", jawOpen=0.1 * k) for k in range(4)]
    drawn = []
    for name, order in (("one", shards), ("two", shards[::-1])):
        database = made_database(tmp_path / name, order[0])
        look(database)
        for shard in order[1:]:
            database.add(shard)
        view = look(database)
        rows = draw(view, SampleWish(12, seed=3))
        takes = view.per_shard("take")[view.shard[rows]]
        drawn.append(sorted(zip(takes.tolist(), view.frame[rows].tolist(), strict=True)))
    assert drawn[0] == drawn[1]


def test_more_frames_than_there_are_cannot_be_drawn(view: View) -> None:
    """The message says how many there are."""
    with pytest.raises(UsageError, match="20 frames cannot be drawn: there are 6"):
        draw(view, SampleWish(20), Query("tongueOut > 0.5").mask(view))


def test_a_sample_is_what_was_drawn_and_says_of_whom(view: View, tmp_path: Path) -> None:
    """The archive is a library for the engine, and names subject, take and frame of each row."""
    rows = draw(view, SampleWish(40), Query('subject == "bob"').mask(view))
    path = write_sample(tmp_path / "drawn" / "bob.npz", view, rows)
    library = ExpressionLibrary.read(path)
    assert library.names == ARKIT_SHAPES
    np.testing.assert_array_equal(library.expression, np.nan_to_num(view.expression(rows)))
    with np.load(path) as data:
        assert set(data["subject"].tolist()) == {"bob"}
        np.testing.assert_array_equal(data["frame"], view.frame[rows])
        assert data["head_world_x"].shape == (40,)
    with pytest.raises(UsageError, match="samples are NumPy archives"):
        write_sample(tmp_path / "bob.csv", view, rows)


def test_a_training_draws_from_a_database_once(tmp_path: Path) -> None:
    """An archive is taken as it is; of a database a sample stays in the training's folder, to go on with."""
    database, output = made_database(tmp_path, made_shard(jawOpen=0.5)), tmp_path / "run"
    path = training_expressions(database.folder, output, resumed=False)
    assert path.parent == output
    assert len(ExpressionLibrary.read(path)) == 10
    database.add(made_shard("bob"))
    assert len(ExpressionLibrary.read(training_expressions(database.folder, output, resumed=True))) == 10
    assert len(ExpressionLibrary.read(training_expressions(database.folder, output, resumed=False))) == 20
    assert training_expressions(path, tmp_path / "other", resumed=False) == path
    with pytest.raises(InputError, match="no frames to train on"):
        training_expressions(made_database(tmp_path / "empty").folder, output, resumed=False)


def test_a_training_on_a_database_wears_its_expressions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vultus train --expressions DATABASE: the renderers of the training read a sample of the database."""
    database = made_database(tmp_path, made_shard(jawOpen=0.5))
    asked: list[TrainConfig] = []

    def pretend(config: TrainConfig, progress: object) -> Path:
        asked.append(config)
        return config.output / "face.safetensors"

    monkeypatch.setattr("detector.training.run.train", pretend)
    arguments = ["train", str(tmp_path / "run"), "--expressions", str(database.folder), "--steps", "1"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    factory = asked[0].factory
    assert isinstance(factory, SyntheticFactory)
    assert factory.options.expressions == tmp_path / "run" / "expressions.npz"
    library = ExpressionLibrary.read(factory.options.expressions)
    np.testing.assert_allclose(library.expression[:, ARKIT_SHAPES.index("jawOpen")], 0.5)
    renderer = asked[0].facts()["renderer"]
    assert isinstance(renderer, dict)
    assert renderer["expressions"] == "expressions.npz"
