"""What of the learned parts guides a search, said in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlists.errors import NetlistError
from netlists.placement import Placement
from placer import flow
from placer.budget import Budget
from placer.engines.search import SearchOptions
from policies.amortised import save_starts
from policies.files import Checkpoint
from policies.guidance import guidance, guide_files, together
from policies.ranking import StartRanker, save_ranker
from tests.env.designs import small_design
from tests.policies.test_amortised import stirred


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    makers = save_starts(tmp_path / "makers.safetensors", Checkpoint(stirred(), {}, {}, {}))
    rankings = save_ranker(tmp_path / "rankings.safetensors", StartRanker())
    return {"makers": str(makers), "rankings": str(rankings)}


def test_nothing_said_is_the_plain_search() -> None:
    plain = SearchOptions(device="cpu")
    found = guidance({})
    assert found.starter is None
    assert found.options(plain) == plain
    assert guide_files({}) == []


@pytest.mark.parametrize(
    ("ranking", "halving", "trials"),
    [("learned", False, True), ("trials+learned", True, False), ("untried", False, None)],
)
def test_the_words_for_rankings(files: dict[str, str], ranking: str, halving: bool, trials: bool | None) -> None:
    found = guidance({"ranking": ranking, **files})
    assert found.halving is halving
    assert getattr(found.ranker, "trials", None) is trials


def test_amortised_starts_instead_of_smooth_ones(files: dict[str, str]) -> None:
    options = {"starts": "amortised", "count": "3", "refine": "2", "ranking": "learned", **files}
    found = guidance(options)
    result = flow.place(
        small_design(),
        iterations=500,
        jobs=1,
        starter=found.starter,
        options=found.options(SearchOptions(device="cpu")),
    )
    assert result.stats["learned"]["count"] == 3
    assert "starts" not in result.stats
    assert [file.name for file in guide_files(options)] == ["makers.safetensors", "rankings.safetensors"]


def test_several_makers_of_starts_share_the_time() -> None:
    heard: list[float | None] = []

    def starter(design: object, budget: Budget, seed: int) -> list[Placement]:
        heard.append(budget.time_limit)
        return [small_design().placement]

    both = together([starter, starter])
    assert both is not None
    assert len(both(small_design(), Budget(8.0), 0)) == 2
    first, second = heard
    assert first is not None
    assert second is not None
    assert first <= 4.0
    assert first < second <= 8.0


@pytest.mark.parametrize(
    "bad",
    [
        {"starts": "psychic"},
        {"ranking": "dice"},
        {"schedule": "none"},
        {"count": "-1"},
        {"starts": "amortised", "makers": "none.file"},
    ],
)
def test_what_makes_no_sense_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(NetlistError):
        guidance(bad)
