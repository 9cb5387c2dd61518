"""Frames are found by what is written, and nothing that is written is run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import UsageError
from fitting.reliability import FrameFlag
from pipeline.database.cache import look
from pipeline.database.query import Query
from pipeline.database.view import View
from tests.pipeline.expression_shards import made_database, made_shard, ramp

NAMES = ["jawOpen", "jump", "subject", "frame", "1", "0.5", "1001-1005", "'anna'", "lambda"]
SIGNS = ["and", "or", "not", "in", "is", "(", ")", "[", "]", ",", "+", "-", ">", "<", "=="]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Anna opens her jaw from 0 to 1 over 1001-1011; Bob winks in 1001-1005, and jumps in 1003."""
    anna = made_shard("anna", "talk", range(1001, 1012), jawOpen=ramp(11))
    bob = made_shard("bob", "wink", range(1001, 1006), eyeBlinkLeft=0.9, eyeBlinkRight=0.1, jawOpen=0.7)
    bob.rows["flags"][2] = FrameFlag.JUMP | FrameFlag.UNCERTAIN
    bob.rows["residual_sigma"][4] = np.nan
    return look(made_database(tmp_path_factory.mktemp("query"), anna, bob))


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("jawOpen > 0.6 and eyeBlinkLeft > 0.5", 5),
        ("jawOpen > 0.65", 4 + 5),
        ("jawOpen >= 0 and not jawOpen > 0.65", 7),
        ("0.15 < jawOpen <= 0.45", 3),
        ("0.5 < jawOpen", 5 + 5),
        ("eyeBlinkLeft > eyeBlinkRight", 5),
        ("jawOpen > -0.5", 16),
        ('subject == "anna"', 11),
        ('subject != "anna" or jawOpen == 1', 6),
        ('take in ("wink", "smile")', 5),
        ('take not in ("wink", "smile")', 11),
        ('"a" < subject < "b"', 11),
        ("frame in 1001-1003", 6),
        ("frame in (1001, 1004-1005)", 6),
        ('frame in "1001-1011x5"', 4),
        ("frame not in 1001-1005", 6),
        ("views in 2-4 and 3 in (1, 3) and 'anna' in ('anna', 'bob')", 16),
        ("frame > 1008", 3),
        ("jump", 1),
        ("not (jump or large_residual)", 15),
        ("views == 2 and uncertainty_mm < 1.5", 16),
        ("residual_sigma < 1", 15),
        ("not residual_sigma < 1", 1),
        ("head_yaw == 0", 16),
        ('added > "2020" and model == "makehuman"', 16),
        ("  jawOpen > 2  ", 0),
    ],
)
def test_a_query_finds_its_frames(view: View, query: str, count: int) -> None:
    """Weights, ranges, texts, frames, flags, quality and angles; alone and together."""
    assert int(Query(query).mask(view).sum()) == count


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("jawOpn > 0.5", r"speaks of jawOpn, .* did you mean jawOpen\? .*Shapes: eyeBlinkLeft, .*tongueOut"),
        ("eyeBlink > 0.5", "did you mean eyeBlinkLeft or eyeBlinkRight"),
        ("jawopen > 0.5", "did you mean jawOpen"),
        ("subject == anna", r'Texts stand in quotes: subject == "anna"'),
        ("jawOpen", "says jawOpen, but not what is to be true of it"),
        ("jawOpen > 'wide'", "compares a number with a text"),
        ("jump > 0", "compares a flag with a number"),
        ("jawOpen > True", "may compare names, numbers and texts"),
        ("subject in (1, 2)", "looks for a text among numbers"),
        ("jawOpen in 3.5", 'has no frames after "in"'),
        ('frame in "a-b"', "'a-b' is not a frame range"),
        ("jump in 1-2", "looks for a flag among numbers"),
        ("jawOpen >", "cannot be understood"),
        ("jawOpen = 1", "cannot be understood"),
        ("", "cannot be understood"),
        ("jawOpen is 1", "may compare by"),
    ],
)
def test_what_is_no_query_is_told(query: str, message: str) -> None:
    """With the nearest names, and what to write instead."""
    with pytest.raises(UsageError, match=message):
        Query(query)


@pytest.mark.parametrize(
    "query",
    [
        "__import__('os').system('true')",
        "(lambda: 1)() > 0",
        "[jump for jump in (1,)]",
        "jawOpen.real > 0",
        "jawOpen[0] > 0",
        "jawOpen + 1 > 0",
        "2 ** 99999999 > jawOpen",
        "f'{jump}' == subject",
        "(jawOpen := 1) > 0",
        "1 if jump else 0",
        "*jump",
        "(" * 500,
        "-" * 500 + "1 > jawOpen",
        "jump or " * 2000 + "jump",
        "\0",
        "'a' 'b'",
    ],
)
def test_nothing_but_comparisons_is_understood(query: str) -> None:
    """No calls, attributes, arithmetic or depth: each of them is a wrong query and no more."""
    with pytest.raises(UsageError):
        Query(query)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(NAMES + SIGNS), max_size=12).map(" ".join),
    )
)
def test_any_text_is_a_query_or_a_clear_error(view: View, text: str) -> None:
    """Never anything else, and never more or fewer answers than there are frames."""
    try:
        mask = Query(text).mask(view)
    except UsageError:
        return
    assert mask.shape == (len(view),)
    assert mask.dtype == bool
