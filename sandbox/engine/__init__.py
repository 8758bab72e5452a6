"""The real Pulumi engine on this machine, and what stands in for the plugins that a CLI distribution ships
beside it.

Stand-ins are laid out only where the CLI was built from source here: an installed CLI brings the real ones.
"""
