"""The API for servers: users, and what is known of them."""
