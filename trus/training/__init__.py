"""Training: from a composed config to a verified model file."""

from trus.training.memory import use_huge_pages

use_huge_pages()
