"""Work that goes on after its answer.

A job is a document (catalog/jobs.py), so it outlives whoever carries it out. It runs in a gateway and not beside the
workers, as it does what callers do: it puts changes on the log, writes documents, charges the project's budgets. The
gateway that was asked carries it out; another takes over when the document has not moved for a while.
"""
