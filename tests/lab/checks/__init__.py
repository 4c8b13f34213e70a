"""Parts of the self test."""
