"""An emulated myCobot arm, as its frames show it."""
