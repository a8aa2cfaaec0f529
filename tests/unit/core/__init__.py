"""The ground floor alone."""
