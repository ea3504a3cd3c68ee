"""From a model file to one in 8-bit integers: smaller, faster, and written only if it is as good."""
