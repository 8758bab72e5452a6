"""Day two, one command line: `python -m ops`. Uses the program from outside and is used by nothing in it."""
