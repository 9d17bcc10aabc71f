"""What changed between two reports about the same: figure by figure, with causes, and without giving anybody away."""
