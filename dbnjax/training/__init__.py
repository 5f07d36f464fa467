"""Training: the compiled loop and what the host keeps of a run."""
