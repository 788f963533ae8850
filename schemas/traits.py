"""The traits the product knows by name; every other trait is the site's own and stays in `traits`."""

# Column of `users` → name of the trait as it is sent.
STANDARD = {
    "customer_id": "customerId",
    "email": "email",
    "name": "name",
    "first_name": "firstName",
    "last_name": "lastName",
    "phone": "phone",
    "avatar": "avatar",
    "company": "company",
    "plan": "plan",
    "role": "role",
    "created_at": "createdAt",
}
