"""A run's report: one document, made from the run's files alone, as a page or as Markdown."""
