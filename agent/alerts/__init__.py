"""Alerts at the edge: rules and destinations from files, and delivery."""
