"""Remedies: each small, named and declared; the engine that applies, verifies and undoes them."""
