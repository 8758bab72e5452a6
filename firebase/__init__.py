"""The one Firebase resource that pulumi-gcp does badly, the rules release, and the small client it needs.

This file stays empty on purpose: it is imported in the processes of dynamic providers and by `python -m ops`.
"""
