"""The stand-in `gcp` plugin: the resource types that the program uses, with the behaviour of pulumi-gcp."""
