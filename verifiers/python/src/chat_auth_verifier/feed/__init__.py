"""The connection to the feed, ended sessions, and how fresh the news is."""
