"""Statements that members write themselves: where they run, what is answered, and what is said of their mistakes."""
