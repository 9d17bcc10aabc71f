"""Brings made reports to folders, buckets, mailboxes, and notices of them to robots of chat groups."""
