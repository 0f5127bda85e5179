"""A weave read back from where the wire was: how far off its line, its middle and amplitude period by period; and
what of it is out of order. Reads no joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.weave import Weave
from cellctl.model.wps import Wps
from cellctl.processes.procedure import SeamSettings
from cellctl.processes.weave import allows_weave, swing
from cellctl.proof.gates import Gates, SeamFindings

LEAST_SAMPLES = 8
"""A period of which there are fewer is not judged."""


@dataclass(frozen=True, slots=True, eq=False)
class WeaveReadback:
    """What a weave came to: `off_line` (n,) how far each sample is across from where the weave is to be there; and for
    every period, one each half a wavelength, where along the seam its middle is `at`, how far its `middles` are from
    the seam along b, and the `amplitudes`, all (k,), m; k is 0 where less than a period was seen.
    """

    off_line: FloatArray
    at: FloatArray
    middles: FloatArray
    amplitudes: FloatArray

    @property
    def range(self) -> tuple[float, float] | None:
        """The least and the largest amplitude, m; None where no period was seen."""
        return (float(self.amplitudes.min()), float(self.amplitudes.max())) if len(self.amplitudes) else None


def weave_read_back(weave: Weave, s: FloatArray, lateral: FloatArray) -> WeaveReadback:
    """Read a weave (which has a wavelength) back from samples `lateral` (n,) m along b from the seam at `s` (n,) m.

    Over each period a sine of its wavelength and any phase, and a constant, are fitted to the samples.
    """
    order = np.argsort(s, kind="stable")
    along, sideways = s[order], lateral[order]
    half = 0.5 * weave.wavelength
    phase = np.pi / half * along
    basis = np.stack([np.sin(phase), np.cos(phase), np.ones(len(phase))], axis=1)
    starts = along[0] + half * np.arange(max(0, int((along[-1] - along[0]) / half + 1e-6) - 1))
    first, last = np.searchsorted(along, [starts, starts + 2.0 * half])
    seen = last - first >= LEAST_SAMPLES
    periods = zip(first[seen], last[seen], strict=True)
    fits = np.zeros((int(seen.sum()), 3))
    for fit, (a, b) in zip(fits, periods, strict=True):
        fit[:] = np.linalg.lstsq(basis[a:b], sideways[a:b], rcond=None)[0]
    in_phase, across, middles = fits.T
    return WeaveReadback(
        off_line=lateral - swing(weave, s),
        at=starts[seen] + half,
        middles=middles,
        amplitudes=np.hypot(in_phase, across),
    )


def check_weave(
    checks: SeamFindings, settings: SeamSettings, weaving: WeaveReadback | None, wps: Wps, gates: Gates
) -> None:
    """A weave is inside its procedure, and swings as it is to."""
    if settings.weave is None or weaving is None:
        return
    if len(weaving.at):
        _check_swing(checks, settings.weave, weaving, gates)
    if not allows_weave(wps, settings.weave, settings.travel_speed):
        checks.say("C325", "the weave is outside the WPS")


def _check_swing(checks: SeamFindings, weave: Weave, weaving: WeaveReadback, gates: Gates) -> None:
    """The middle of every period lies on the seam, and it swings as far as it is to."""
    middle = float(np.abs(weaving.middles).max()) * 1e3
    if middle > gates.weave_middle * 1e3:
        at = weaving.at[np.argmax(np.abs(weaving.middles))] * 1e3
        text = f"the middle of the weave is up to {middle:.3f} mm off the seam, at {at:.1f} mm"
        checks.say("C338", f"{text}; {gates.weave_middle * 1e3:g} mm is allowed")
    off = np.abs(weaving.amplitudes / weave.amplitude - 1.0)
    if off.max() > gates.weave_amplitude:
        worst = int(np.argmax(off))
        swings = f"swings {weaving.amplitudes[worst] * 1e3:.3f} mm to either side at {weaving.at[worst] * 1e3:.1f} mm"
        allowed = f"{weave.amplitude * 1e3:g} mm within {gates.weave_amplitude * 100:g} % is allowed"
        checks.say("C339", f"the weave {swings}, {allowed}")
