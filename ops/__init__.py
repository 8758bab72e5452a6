"""Day two: what is done to a stack once it lives, as `python -m ops …`."""
