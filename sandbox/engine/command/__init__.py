"""The `command` plugin: `local.Command` and `local.run`, as pulumi-command 1.2.1 does them."""
