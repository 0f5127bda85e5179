"""The controller's end of the wire. Knows nothing of planning, proof and execution."""
