"""Ask0's widget beside those of other products: size and delivery. Nothing here is a test."""
