"""What comes in, as it comes in: one tail of the log for all who look, and none while nobody does."""
