"""The on-premises migration of an organization's data."""
