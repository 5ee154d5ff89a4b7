"""Campaigns, agenda, leads: schema only."""
