"""The guard that closes sockets when their session ends."""
