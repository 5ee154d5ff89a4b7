"""Targets: schema only."""
