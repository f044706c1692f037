"""Wrappers keep the meaning and bring the numbers into range; an outside learner works unmodified."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import FlattenObservation, TimeLimit

import env as environments
from env.wrappers import NormaliseObservation, flat
from tests.conftest import ROOT
from tests.env.designs import small_design

IDS = (environments.MACRO_PLACEMENT, environments.MACRO_REFINEMENT)


@pytest.fixture(autouse=True)
def _registered() -> None:
    environments.register()


def make(name: str, **options: Any) -> gymnasium.Env[Any, Any]:
    extra: dict[str, Any] = {"final_costs": False} if name == environments.MACRO_PLACEMENT else {}
    return gymnasium.make(name, design="synth20", **extra, **options)


@pytest.mark.parametrize("name", IDS)
def test_normalised_observations_are_small_and_keep_the_order_of_the_wire_mask(name: str) -> None:
    env, plain = NormaliseObservation(make(name)), make(name)
    rng, over = np.random.default_rng(0), False
    small, info = env.reset(seed=0)
    observation, _ = plain.reset(seed=0)
    for _ in range(15):
        assert env.observation_space.contains(small)
        for key, value in small.items():
            assert np.abs(value).max() <= 1.0, key
        wire = observation["wire_mask"]
        legal = info["action_mask"][: wire.size].reshape(wire.shape) == 1
        if legal.any():
            assert small["wire_mask"][legal][np.argmin(wire[legal])] == small["wire_mask"][legal].min()
        action = rng.choice(np.flatnonzero(info["action_mask"]))
        small, _, over, _, info = env.step(action)
        observation = plain.step(action)[0]
        if over:
            break


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("wrap", [flat, FlattenObservation, NormaliseObservation])
def test_wrapped_environments_pass_the_checker(name: str, wrap: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The checker refuses wrappers in general but knows nothing that these two break.
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version.*")
        check_env(wrap(make(name)), skip_render_check=True)


def test_a_time_limit_truncates() -> None:
    env = TimeLimit(make(environments.MACRO_PLACEMENT, illegal_reward=0.0).unwrapped, 2)
    _, info = env.reset()
    illegal = int(np.argmin(info["action_mask"])) if not info["action_mask"].all() else 0
    assert env.step(illegal)[3] is False
    assert env.step(int(env.unwrapped.state.legal.argmax()))[3] is True  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrap", [NormaliseObservation, gymnasium.Wrapper], ids=["normalised", "raw"])
@pytest.mark.parametrize("name", IDS)
def test_maskable_ppo_learns_on_it_unmodified(name: str, wrap: Any) -> None:
    """sb3-contrib as an outside client: it finds ``action_masks`` by itself and never plays an illegal action."""
    sb3 = pytest.importorskip("sb3_contrib")
    seen: list[bool] = []

    class Watch(gymnasium.Wrapper[Any, Any, Any, Any]):
        def step(self, action: Any) -> Any:
            result = self.env.step(action)
            seen.append(result[4]["illegal"])
            return result

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = sb3.MaskablePPO(
            "MultiInputPolicy", Watch(wrap(make(name))), n_steps=64, batch_size=32, n_epochs=1, seed=0,
            device="cpu", policy_kwargs={"net_arch": [16]},
        )  # fmt: skip
        model.learn(192)
    assert len(seen) == 192
    assert not any(seen)


_REPLAY = """
import hashlib, sys
import gymnasium, numpy as np, placer
from netlists.synthesis import SynthesisSpec
digest = hashlib.sha256()
for name, options in (
    ("placer/MacroPlacement-v0", {"reward": "dense_proxy", "generator": SynthesisSpec(num_macros=4, num_cells=200)}),
    ("placer/MacroRefinement-v0", {"design": "synth20", "start": "random"}),
):
    env = gymnasium.make(name, **options)
    for episode in range(2):
        observation, info = env.reset(seed=int(sys.argv[1]) if episode == 0 else None)
        for _ in range(8):
            for key in sorted(observation):
                digest.update(observation[key].tobytes())
            legal = np.flatnonzero(info["action_mask"])
            observation, reward, over, _, info = env.step(legal[len(legal) // 2])
            digest.update(np.float64(reward).tobytes())
            if over:
                break
print(digest.hexdigest())
"""


def test_a_seed_means_the_same_in_every_process() -> None:
    def run(seed: int, hashing: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", _REPLAY, str(seed)], capture_output=True, text=True, cwd=ROOT, timeout=600,
            check=True, env={**os.environ, "PYTHONHASHSEED": hashing},
        )  # fmt: skip
        return done.stdout.strip()

    assert run(7, "1") == run(7, "2") != run(8, "1")


def test_masks_of_wrapped_environments_are_those_of_the_environment() -> None:
    env = NormaliseObservation(gymnasium.make(environments.MACRO_PLACEMENT, design=small_design()))
    _, info = env.reset()
    np.testing.assert_array_equal(env.get_wrapper_attr("action_masks")(), info["action_mask"] == 1)
