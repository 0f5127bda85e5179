"""Frozen values: what stands in a cell, what is to be done, and what was planned. No I/O, SI units only."""
