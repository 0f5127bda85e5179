"""URDF, SRDF and xacro, read and written."""
