"""What becomes of values: stored, rotated, revoked, purged, told to the redactor."""
