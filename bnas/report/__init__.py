"""What people read: plots, tables and the progress of a search."""
