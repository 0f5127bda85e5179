"""The public API: what needs several floors below at once."""
