"""People who sign in: how they do, who is signed in, and what they change about themselves."""
