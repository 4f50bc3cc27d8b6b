"""Checking a token against keys and feed, with health and counts."""
