"""Programs that measure and torment a whole installation on this machine."""
