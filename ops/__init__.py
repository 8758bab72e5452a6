"""Commands for a deployed stack: `python -m ops`. The program imports nothing of it."""
