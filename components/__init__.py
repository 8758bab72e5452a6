"""The ComponentResources of the program, one per concern.

This file imports nothing: it is loaded in the processes of dynamic providers.
"""
