"""Trained networks as files: safetensors beside a JSON file that says what they are.

`bnas.export.weights`, `bnas.export.packing` and `bnas.export.loading` need torch and are imported
where they are used.
"""
