"""The wire contract: what a caller in any language must know, and nothing else."""
