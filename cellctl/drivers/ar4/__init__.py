"""Annin AR4 arms, experimental: their link, and an arm that goes from stop to stop."""
