"""Motion through free space: a proved way between two configurations, made shorter and rounded."""
