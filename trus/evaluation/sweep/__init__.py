"""What a sweep leaves behind: a row a configuration, a table and a figure."""
