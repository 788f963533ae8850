"""Documents that everyone needs and few change: projects, their keys, how their users are verified."""
