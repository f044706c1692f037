"""The report page: its HTML, style sheet and script."""
