"""Boards and recordings: where frames come from, as data; nothing here runs per sample."""
