"""The parts of the program: settings, the app checkout, and one ComponentResource per concern.

This file stays empty on purpose: it is imported wherever a part of `components` is, also in the processes
of dynamic providers, and must load nothing there.
"""
