"""Measured figures of cellctl and of its peers: run times, rates, sizes. It changes nothing and proves nothing."""
