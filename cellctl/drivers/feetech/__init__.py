"""Arms of Feetech STS servos: the bus, sensing, enabling and the arm."""
