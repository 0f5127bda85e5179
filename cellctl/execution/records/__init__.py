"""What a run writes down, and what can be read from it after any end."""
