"""Billing, money, revenue: schema only."""
