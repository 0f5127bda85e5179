"""An emulated GRBL 1.1 controller with six axes, as its text shows it: parser, planner, real-time bytes, alarms."""
