"""Time laws along a path that is found: the quickest inside limits, or a constant speed."""
