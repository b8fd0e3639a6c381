"""Shapes on the wire, under the vendors' own field names; no behaviour."""
