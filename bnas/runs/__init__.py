"""Run folders: a search from its configuration to its results, and back from the folder."""
