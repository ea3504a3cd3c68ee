"""Files that the pages have opened: held in memory only, their frames decoded ahead of who looks at them."""
