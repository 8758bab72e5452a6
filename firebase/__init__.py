"""The rules release, index builds, TTL order, unknown credentials, and a client for Google's REST APIs.

This file imports nothing: it is loaded in the processes of dynamic providers and by `python -m ops`.
"""
