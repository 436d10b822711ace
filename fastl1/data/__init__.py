"""Tables: reading files, telling what a column is, encoding it."""
