"""Joints to poses and back: compiled and callable from every kernel above. The one door to roboticstoolbox."""
