"""What a request says: its parts, its options, the answer that it prefers."""
