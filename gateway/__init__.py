"""Everything that answers HTTP. The path of an event begins in ingest.py."""
