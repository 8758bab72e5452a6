"""The rules release, the wait for index builds, the order of TTL changes, and a REST client for Google.

This file imports nothing: it is loaded in the processes of dynamic providers and by `python -m ops`.
"""
