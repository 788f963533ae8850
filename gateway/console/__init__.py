"""The console's pages: files that its build has left here. All they know they ask the API."""
