"""The batched environment with PyTorch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from env.batched import BatchedMacroPlacement
from tests.env.batched_designs import mixed_designs


def mixed(**options: Any) -> BatchedMacroPlacement:
    """Shapes of the other tests, whose compiled programs serve here too."""
    return BatchedMacroPlacement(6, designs=mixed_designs(), **options)


def test_tensors_share_memory_with_the_arrays_and_keep_their_values() -> None:
    env = mixed(device="cpu")
    view = env.torch()
    now = view.reset(seed=0)
    kept = []
    for _ in range(9):
        arrays = env.observation()
        for key, tensor in now.observation.items():
            assert tensor.data_ptr() == arrays[key].unsafe_buffer_pointer(), key
            assert tensor.data_ptr() == np.asarray(arrays[key]).ctypes.data, key
        assert env._outcome is not None
        assert now.reward.data_ptr() == env._outcome.reward.unsafe_buffer_pointer()
        assert now.action_mask.data_ptr() == now.observation["legality_mask"].data_ptr()
        kept.append((now, now.reward.clone(), now.observation["wire_mask"].clone()))
        now = view.step(now.action_mask.argmax(1))
    for then, reward, wire in kept:
        assert torch.equal(then.reward, reward)
        assert torch.equal(then.observation["wire_mask"], wire)


@pytest.mark.parametrize("mode", list(AutoresetMode)[:2])
def test_tensors_hold_what_arrays_do(mode: AutoresetMode) -> None:
    view = mixed(autoreset_mode=mode).torch()
    env = mixed(autoreset_mode=mode)
    now, (_, info) = view.reset(seed=0), env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(12):
        actions = (info["action_mask"] * rng.random(info["action_mask"].shape)).argmax(1)
        now = view.step(torch.from_numpy(actions))
        observation, reward, terminated, truncated, info = env.step(actions)
        for key, value in observation.items():
            np.testing.assert_array_equal(now.observation[key].numpy(), value)
        for mine, theirs in ((now.reward, reward), (now.terminated, terminated), (now.truncated, truncated)):
            np.testing.assert_array_equal(mine.numpy(), theirs)
        assert (now.final_observation is not None) == (mode is AutoresetMode.SAME_STEP)
        for i in np.flatnonzero(info.get("_final_obs", [])):
            assert now.final_observation is not None
            for key, last in now.final_observation.items():
                np.testing.assert_array_equal(last[i].numpy(), info["final_obs"][i][key])


def test_actions_that_are_no_integers_are_refused_and_large_ones_are_illegal() -> None:
    view = mixed().torch()
    view.reset(seed=0)
    with pytest.raises(ValueError, match="whole numbers"):
        view.step(torch.zeros(6))
    with pytest.raises(ValueError, match="shape"):
        view.step(torch.zeros(5, dtype=torch.int64))
    # 2 ** 32 would be cell 0 if cut to 32 bits.
    assert view.step(torch.tensor([2**32, -1] * 3)).illegal.all()
    assert not view.step(view.reset(seed=0).action_mask.argmax(1)).illegal.any()


def test_illegal_tensors_raise_when_asked_to() -> None:
    view = mixed(on_illegal="raise").torch()
    mask = view.step(view.reset(seed=0).action_mask.argmax(1)).action_mask
    with pytest.raises(ValueError, match="copy 0 is illegal"):
        view.step((mask == 0).to(torch.int8).argmax(1))
