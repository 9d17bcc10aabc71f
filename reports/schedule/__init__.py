"""Which reports are due when, and how far each has come: values and functions of them, no clock and no files."""
