"""The power of a weld that goes slower than planned, and how slow its procedure lets it go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.files import load_cell
from cellctl.model.wps import Range, Wps
from cellctl.processes.power import SPARE, power_line
from cellctl.processes.procedure import deposited_area, heat_input

SHIPPED = load_cell("lib:sim/tray_cell/cell.yaml").procedures["mig131_al_t3"]
SCALED = replace(SHIPPED, override="scaled", heat_input=Range(0.22e6, 0.258e6, 0.28e6))


def heat(wps: Wps, speed: float, share: float) -> float:
    power = power_line(wps, speed).at(share)
    return heat_input(power.voltage, power.current, share * speed, wps.heat_factor)


def test_a_blocked_procedure_is_never_slowed_down() -> None:
    line = power_line(SHIPPED, 0.010)
    assert (line.slowest, line.share(0.1), line.share(1.0)) == (1.0, 1.0, 1.0)


def test_as_planned_the_power_is_the_nominal_one() -> None:
    power = power_line(SCALED, 0.010).at(1.0)
    wanted = (SCALED.wire_feed_speed.nominal, SCALED.voltage.nominal, SCALED.current.nominal)
    assert (power.wire_feed, power.voltage, power.current) == pytest.approx(wanted)


def test_the_travel_speed_of_the_procedure_bounds_it() -> None:
    """8 to 12 mm/s, planned with 10: no slower than 8, and a little over it for an arm that is not exact."""
    line = power_line(SCALED, 0.010)
    assert line.slowest == pytest.approx(0.81, abs=0.0051)
    assert line.slowest * 0.010 >= 0.008 * (1.0 + SPARE)
    assert line.share(0.2) == line.slowest
    assert line.share(0.9) == 0.9


def test_a_narrow_window_of_heat_input_bounds_it_sooner() -> None:
    narrow = replace(SCALED, heat_input=Range(0.254e6, 0.258e6, 0.28e6))
    line = power_line(narrow, 0.010)
    assert 0.85 < line.slowest < 1.0
    assert heat(narrow, 0.010, line.slowest) >= 0.254e6
    assert heat(narrow, 0.010, line.slowest - 0.005) < 0.254e6


def test_the_wire_feed_of_the_procedure_bounds_it_too() -> None:
    feed, current, voltage = Range(0.95, 1.0, 1.05), Range(150.0, 150.0, 150.0), Range(21.5, 21.5, 21.5)
    coarse = replace(SCALED, wire_feed_speed=feed, current=current, voltage=voltage)
    assert power_line(coarse, 0.010).slowest == pytest.approx(0.95)


@given(st.floats(0.0081, 0.012), st.floats(0.0, 1.0))
def test_at_every_speed_that_is_allowed_the_weld_keeps_its_windows(speed: float, wanted: float) -> None:
    line = power_line(SCALED, speed)
    share = line.share(wanted)
    power = line.at(share)
    assert line.slowest <= share <= 1.0
    area = deposited_area(SCALED.wire_diameter, power.wire_feed, share * speed)
    assert area == pytest.approx(deposited_area(SCALED.wire_diameter, SCALED.wire_feed_speed.nominal, speed))
    assert SCALED.voltage.holds(power.voltage)
    assert SCALED.current.holds(power.current)
    if share < 1.0:
        assert SCALED.travel_speed.holds(share * speed)
        assert SCALED.heat_input is not None
        assert SCALED.heat_input.holds(heat(SCALED, speed, share))


def test_a_procedure_that_scales_needs_a_window_of_heat_input(checkout: Path, tmp_path: Path) -> None:
    from cellctl.errors import FileError
    from cellctl.files import load_cell as load

    (tmp_path / "cellctl.yaml").write_text("project: {name: scaled}\n")
    for name in ("cell.yaml", "mig131_al_t3.yaml", "toggle_clamp.yaml", "tray.yaml"):
        (tmp_path / name).write_text((checkout / "sim/tray_cell" / name).read_text())
    wps = tmp_path / "mig131_al_t3.yaml"
    wps.write_text(wps.read_text() + "override: scaled\n")
    with pytest.raises(FileError) as caught:
        load(tmp_path / "cell.yaml")
    assert [finding.code for finding in caught.value.findings] == ["F112"]
    wps.write_text(wps.read_text() + "heat_input: 0.22 .. 0.28 kJ/mm\n")
    assert load(tmp_path / "cell.yaml").procedures["mig131_al_t3"].heat_input == Range(0.22e6, 0.25e6, 0.28e6)
