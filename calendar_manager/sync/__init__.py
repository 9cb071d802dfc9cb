"""The write path, one file per step: pull → plan → apply → detect, run by ``engine``."""
