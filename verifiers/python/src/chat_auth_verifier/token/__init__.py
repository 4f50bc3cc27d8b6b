"""Parsing a token, and checking its signature and claims."""
