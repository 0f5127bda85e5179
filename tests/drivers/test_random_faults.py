"""A sample of random runs on a lying line; `cellctl bench faults` runs as many as one likes."""

from __future__ import annotations

import pytest

from cellctl.bench.serial.faults import RUNS, UNHEARD, Broken

CODES = {
    "ar4": {"X472", "X473", "X484", "X485", "X486", "X487"},
    "dynamixel": {"X460", "X461", "X462", "X463", "X464", "X465", "X466"},
    "feetech": {"X460", "X461", "X462", "X463", "X465", "X466", "X470", UNHEARD},
    "grbl": {"X471", "X472", "X473", "X474", "X475"},
    "modbus": {"X480", "X481", "X482", "X495", "X496"},
    "mycobot": {"X484", "X485", "X486", "X487"},
}


@pytest.mark.parametrize("protocol", sorted(RUNS))
def test_whatever_goes_wrong_the_arm_stands_in_the_end(protocol: str) -> None:
    if protocol == "modbus":
        pytest.importorskip("pymodbus", reason="pymodbus is missing: pip install 'cellctl[modbus]'")
    ended = [RUNS[protocol](seed) for seed in range(15)]
    assert "done" in ended
    assert len(set(ended)) > 2
    assert set(ended) <= {"done", *CODES[protocol]}


def test_a_reply_that_is_believed_against_all_odds_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs would see a driver that reports nonsense."""
    from cellctl.drivers.feetech.sensing import Sensing

    monkeypatch.setattr(Sensing, "_too_fast", lambda *_: None)
    broken = 0
    for seed in range(12):
        try:
            RUNS["feetech"](seed)
        except Broken:
            broken += 1
    assert broken


def test_an_arc_that_burns_on_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs would see outputs that nobody switches off."""
    pytest.importorskip("pymodbus", reason="pymodbus is missing: pip install 'cellctl[modbus]'")
    from cellctl.drivers.modbus.scan import ProcessScan

    monkeypatch.setattr(ProcessScan, "_wanted", lambda scan, output, wish: output.on)
    with pytest.raises(Broken, match="an arc burns"):
        RUNS["modbus"](0)
