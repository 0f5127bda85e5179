"""Flange to joints, one way for each geometry of an arm: closed forms, a decomposition, searches."""
