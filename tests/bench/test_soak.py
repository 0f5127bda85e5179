"""The soak of the screens, a little of it; and that it would notice a screen which calls free what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellctl.bench import soak as soaking
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.packed import ScreenArrays


def quiet(text: str, share: float | None) -> None:
    pass


def test_what_a_screen_calls_free_is_free() -> None:
    result = soaking.soak(100_000, 1_500, quiet, arms=("kuka_kr16_2",), scenes=4)
    assert result.figure("states asked").best == 100_000
    assert result.figure("states called free by a screen").best > 50_000
    assert result.figure("motions proved by a screen").best > 1_000
    assert result.figure("free states that collide").best == 0
    assert result.figure("proved motions that collide").best == 0


def test_a_screen_that_knows_the_torch_alone_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = soaking.pack

    def forgetful(model: CollisionModel) -> ScreenArrays:
        kept = [k for k in range(len(model.pairs)) if "torch" in "".join(model.pair_names(k))]
        return real(replace(model, pairs=model.pairs[kept], margins=model.margins[kept]))

    monkeypatch.setattr(soaking, "pack", forgetful)
    result = soaking.soak(200, 40, quiet, arms=("kuka_kr16_2",), scenes=1)
    assert result.figure("free states that collide").best > 0
    assert result.figure("free states that collide").held is False
    assert result.figure("proved motions that collide").best > 0


@pytest.mark.parametrize(("count", "total"), [(10, 3), (7, 20), (0, 4)])
def test_shares_add_up(count: int, total: int) -> None:
    assert sum(soaking.share_of(count, index, total) for index in range(total)) == count
