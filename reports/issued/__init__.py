"""Issued reports: what they were made from is recorded, kept under its hash, and answered from again."""
