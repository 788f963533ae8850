"""Benchmarks: ratios within one run, printed as a table. Nothing here is a test."""
