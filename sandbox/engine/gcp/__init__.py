"""The stand-in `gcp` plugin: the resource types that the program uses, as pulumi-gcp does them."""
