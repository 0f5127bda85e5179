"""The controller of an Annin AR4, with the defects of its firmware."""
