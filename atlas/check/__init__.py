"""What differs between a database, its migrations and the model; taking databases over."""
