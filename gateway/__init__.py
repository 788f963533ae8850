"""Everything that answers HTTP. Begin at app.py; the path of an event begins in ingest/endpoint.py."""
