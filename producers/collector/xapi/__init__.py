"""xAPI 1.0.3 statements in: validated, kept, and mapped to events of the wire contract by a declared table."""
