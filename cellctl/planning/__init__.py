"""Find a plan. Knows no proof and no driver."""
