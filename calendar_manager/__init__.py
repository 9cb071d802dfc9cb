"""Calendar Manager."""
