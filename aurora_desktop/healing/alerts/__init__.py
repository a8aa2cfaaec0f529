"""Alerts: who is called when, once and not again and again, and how that reaches them."""
