"""Bodies, distances and contacts of a cell: exact (bullet), compiled screen, dynamics, rendering."""
