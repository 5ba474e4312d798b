"""A run's baselines that need its images: what colour and frozen features alone predict, fold by fold."""
