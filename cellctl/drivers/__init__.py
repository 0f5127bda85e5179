"""Speak to an arm."""
