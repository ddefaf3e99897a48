"""The published file: a copy of the warehouse that readers may keep open, and who may read it."""
