"""How figures, durations and moments are written, the same way everywhere; all rounding is done here."""
