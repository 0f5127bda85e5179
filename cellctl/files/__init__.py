"""YAML, JSON and meshes to values and back; the only place with units other than SI."""
