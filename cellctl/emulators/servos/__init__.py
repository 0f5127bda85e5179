"""What emulated serial servos have in common, whatever they speak: a table, motion, what ails them, a bus."""
