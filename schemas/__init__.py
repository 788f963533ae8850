"""What things are: events, records, reasons, settings, tables. No I/O, no clock, no environment."""
