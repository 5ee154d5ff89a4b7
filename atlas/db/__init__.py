"""Persons and contacts: schema only."""
