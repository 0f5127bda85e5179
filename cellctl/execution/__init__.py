"""Follow a certified plan on a driver, in time; journal; stop, hold."""
