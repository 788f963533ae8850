"""Ask0's own SDKs."""
