"""The vendors' wires: bytes to values and back, for both ends, which may not import each other. No port is opened."""
