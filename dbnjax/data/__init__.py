"""Data on the host: sources, IDX files, a user's own images, and splits; NumPy uint8 throughout."""
