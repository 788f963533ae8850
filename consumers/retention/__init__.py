"""What is older than a project keeps it goes, once a day. One of the workers does it for all projects together."""
