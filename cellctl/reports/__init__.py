"""Pictures and tables from plans and records."""
