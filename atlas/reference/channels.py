"""The channels through which people are reached and come."""

from __future__ import annotations

from typing import Any

#: code, name, type
_CHANNELS = (
    ("whatsapp", "WhatsApp", "Messaging"),
    ("instagram", "Instagram", "Social"),
    ("tiktok", "TikTok", "Social"),
    ("facebook", "Facebook", "Social"),
    ("google-ads", "Google Ads", "Ads"),
    ("meta-ads", "Meta Ads", "Ads"),
    ("website", "Website", "Web"),
    ("marketplace", "Marketplace", "Marketplace"),
    ("email", "E-mail", "Email"),
    ("phone", "Telepon", "Phone"),
    ("walk-in", "Datang langsung", "WalkIn"),
    ("event", "Acara", "Event"),
    ("referral", "Referensi", "Referral"),
    ("partner", "Mitra", "Partner"),
)


def channels() -> list[dict[str, Any]]:
    """Return the rows of ``core_channel``."""
    return [{"code": code, "name": name, "type": kind} for code, name, kind in _CHANNELS]
