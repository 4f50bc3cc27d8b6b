"""Calls to the service: keys, receipts, introspection, tickets."""
