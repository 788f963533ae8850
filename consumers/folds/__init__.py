"""Pure functions from a round's records to the rows of each table: no clock, no I/O, the same rows on every repeat."""
