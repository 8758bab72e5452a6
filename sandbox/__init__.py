"""Fakes of Railway and Google, the Firestore emulator, and the Pulumi engine with stand-in plugins.

The program never imports this package, and is the same for production and the sandbox.
"""
