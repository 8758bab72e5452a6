"""The rules release, and a REST client for Google.

This file imports nothing: it is loaded in the processes of dynamic providers and by `python -m ops`.
"""
