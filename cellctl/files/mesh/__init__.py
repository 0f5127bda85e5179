"""Mesh files: read, checked, covered by convex parts, searched for edges, written."""
