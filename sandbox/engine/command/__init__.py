"""The stand-in `command` plugin: `local.Command` and `local.run`, with pulumi-command 1.2.1's behaviour."""
