"""Other ways to do the same work, for comparison in the same run."""
