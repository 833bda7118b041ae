"""From handle to value: checks, the reservation, the provider, the outcome."""
