"""Arms of serial servos, whatever the servos speak: bus, switching on, following, faults, letting go."""
