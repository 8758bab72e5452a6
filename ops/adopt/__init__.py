"""`python -m ops adopt`: bring into a stack's state what exists on Google and Railway."""
