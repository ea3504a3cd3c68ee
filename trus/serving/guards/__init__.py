"""What stands before the routes: connection, host, token, size, and the record of each request."""
