"""The real Pulumi engine on this machine, and stand-ins for the plugins that are part of a CLI distribution.

Stand-ins are used only if the CLI was built from source here: an installed CLI has the real plugins.
"""
