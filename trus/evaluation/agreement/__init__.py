"""How far annotators of the same frames agree."""
