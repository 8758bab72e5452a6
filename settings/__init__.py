"""What the config of a stack says: one model, one reader, the rules between keys."""
