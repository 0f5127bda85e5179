"""A weave read back from where the wire was: how far off its line, its middle and amplitude period by period. Judges
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.weave import Weave
from cellctl.processes.weave import swing

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
