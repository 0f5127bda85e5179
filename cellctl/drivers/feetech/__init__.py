"""Feetech STS servos: sensing, and what an arm asks of them."""
